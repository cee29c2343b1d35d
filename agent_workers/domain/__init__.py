"""The words everyone uses: values and pure rules, importing nothing but the standard library."""
