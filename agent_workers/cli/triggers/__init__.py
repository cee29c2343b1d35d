"""`agent-workers triggers`: which events start which jobs, and dead letters."""
