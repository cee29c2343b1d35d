"""`agent-workers demo`: its scenes, and what it prints."""
