"""Parts against a real Postgres and a real Redis."""
