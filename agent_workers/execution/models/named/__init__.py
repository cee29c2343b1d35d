"""Which models there are: `models.yaml`, prices and keys."""
