"""Whole features while workers are killed: batches, children, sessions, schedules, waves."""
