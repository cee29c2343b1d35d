"""Calling users' code: functions and coroutines, and what their exceptions mean."""
