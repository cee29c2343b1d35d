"""`agent-workers prove`: crash it everywhere, and let somebody outside count the effects."""
