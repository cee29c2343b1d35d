"""`agent-workers demo`: its scenes, and how they are told."""
