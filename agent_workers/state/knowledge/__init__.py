"""Documents and their chunks in Postgres, searched by words and by vectors."""
