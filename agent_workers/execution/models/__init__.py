"""One call to one model: its reply, its cost in micro-USD, and the reason when it fails."""
