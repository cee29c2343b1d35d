"""Calling the outside world: to checked addresses only, within bounds of time and size."""
