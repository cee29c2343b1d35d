"""The Python client, without an API."""
