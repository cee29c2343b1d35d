"""Logs: how they are written, and wrappers that log. Nothing here decides, and nothing asks it for a decision."""
