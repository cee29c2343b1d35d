"""Ways to turn texts into vectors: offline, by hashing, and (in execution/models) by a provider."""
