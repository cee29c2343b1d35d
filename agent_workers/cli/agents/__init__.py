"""`agent-workers agents`: applies, lists, compares and retires agents."""
