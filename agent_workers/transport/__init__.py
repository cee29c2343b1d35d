"""Carrying nudges: the Celery app and its lanes."""
