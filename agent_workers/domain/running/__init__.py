"""Rules for running processes: clocks, exit codes, shares, and how far a journal was read."""
