"""Carrying nudges to workers and events to and from brokers. A message holds ids; what is true is in `state/`."""
