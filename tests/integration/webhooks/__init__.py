"""Tests of webhooks: sending, delivering, and what is left after kills."""
