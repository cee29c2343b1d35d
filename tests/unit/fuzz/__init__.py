"""Parsers of what strangers send, tried with what nobody would send. `make fuzz` tries longer."""
