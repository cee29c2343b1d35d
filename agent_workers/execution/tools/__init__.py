"""Tools: from typed Python functions to validated, classified calls."""
