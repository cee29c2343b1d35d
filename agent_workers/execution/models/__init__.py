"""Model access: one call to one model, its cost in micro-USD, and what went wrong when it fails."""
