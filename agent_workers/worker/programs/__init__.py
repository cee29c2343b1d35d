"""What `python -m` starts: worker, beat, Flower, ingest, relay, webhooks. Each puts its parts together and runs."""
