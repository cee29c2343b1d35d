"""Triggers in Postgres: their rows, the intake of events, and dead letters."""
