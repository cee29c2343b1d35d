"""`agent-workers tools`: lists, checks and calls tools."""
