"""Real Postgres and Redis-protocol servers from wheels, for a bare machine and for tests."""
