"""Sessions in Postgres: what was said, whose turn it is, and what callers may see of them."""
