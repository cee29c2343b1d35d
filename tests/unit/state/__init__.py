"""Whether stored bytes say what was meant."""
