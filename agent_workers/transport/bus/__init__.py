"""Events from and to brokers outside: ingest and relay."""
