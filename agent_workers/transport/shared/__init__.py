"""Values that processes share through Redis. Losing all of them loses no job."""
