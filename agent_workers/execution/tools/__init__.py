"""From typed Python functions to checked, classified calls. Which effects may act is decided in `orchestration/effects/`."""
