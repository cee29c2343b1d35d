"""Processes killed, frozen and cut off at every point."""
