"""Schedules in Postgres: their rows, their runs, and the transaction that fires them."""
