"""Remembering: the only place that knows SQL."""
