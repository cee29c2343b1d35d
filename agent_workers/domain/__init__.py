"""The words of the project: frozen values and pure rules, on the standard library only."""
