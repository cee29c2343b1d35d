"""Batches in Postgres: filled, kept going, read."""
