"""`agent-workers knowledge`: documents that agents may search."""
