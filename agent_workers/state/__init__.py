"""All SQL and transactions. Rows never leave it: other rooms get values of `domain/`."""
