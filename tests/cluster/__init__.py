"""Clusters of real workers under pytest-celery, on local processes instead of Docker."""
