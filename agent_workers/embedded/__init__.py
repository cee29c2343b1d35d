"""Postgres and Redis servers from wheels, for a bare machine and for tests. It knows nothing of jobs."""
