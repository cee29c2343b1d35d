"""`agent-workers prove`: crash workers at every point, and let a process outside count the effects."""
