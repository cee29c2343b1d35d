"""Triggers, and the events and messages that they match."""
