"""The routes of schedules and their runs."""
