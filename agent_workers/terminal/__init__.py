"""Talking to a person at a terminal: parsing, printing, times, errors. It knows no command."""
