"""Wrappers around a model: cache, breaker, quota, budget, ladder. Each is a model itself."""
