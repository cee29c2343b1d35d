"""Access by queue: the Celery worker and what it is made of."""
