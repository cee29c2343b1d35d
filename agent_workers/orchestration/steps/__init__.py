"""What follows a step: pure decisions, limits, recovery and fallbacks. The loop itself is `orchestration/advance.py`."""
