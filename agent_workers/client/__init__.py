"""The Python client of the HTTP API. It imports nothing of the server."""
