"""Turning texts into vectors offline. Embedding by a provider is in `execution/models/`."""
