"""The commands that start programs: up, api, worker, beat, flower, ingest, relay."""
