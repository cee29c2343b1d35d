"""`agent-workers memory`: list, search, forget and measure what agents remember."""
