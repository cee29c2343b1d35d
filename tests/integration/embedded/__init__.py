"""The embedded Postgres and Redis: started, interrupted, owned."""
