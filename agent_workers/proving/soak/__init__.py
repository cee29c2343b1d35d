"""The soak: real Celery workers for minutes, one disaster after the other."""
