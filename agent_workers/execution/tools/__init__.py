"""From typed Python functions to checked, classified calls. `orchestration/effects/` decides which may act."""
