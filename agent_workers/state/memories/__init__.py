"""Memories in Postgres: kept, searched by vector, forgotten."""
