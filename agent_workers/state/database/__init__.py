"""The connection to Postgres: pool, session settings, clock, schema version, pages. It knows no table of ours."""
