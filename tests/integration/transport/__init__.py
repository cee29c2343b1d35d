"""Doorbells, wake-ups and shared values against real brokers."""
