"""The routes of events, triggers and dead letters."""
