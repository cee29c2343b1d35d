"""Schedules: their rules, their times, and what they start."""
