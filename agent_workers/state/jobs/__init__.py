"""Jobs in Postgres: submitted, read, controlled, sent messages; their files and their journal."""
