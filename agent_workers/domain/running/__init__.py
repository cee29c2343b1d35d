"""Rules for running processes: clocks, exit codes, shares, and how far the journal was told."""
