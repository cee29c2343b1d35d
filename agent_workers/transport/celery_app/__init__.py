"""The Celery app and the worker's end of its queues."""
