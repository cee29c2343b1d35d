"""Watching: logs and wrappers that are fed, and that nobody asks for a decision."""
