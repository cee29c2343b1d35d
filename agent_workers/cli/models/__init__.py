"""`agent-workers models`: lists models and tries one."""
