"""The one loop (`advance.py`), and what follows a step: pure decisions, limits, recovery and fallbacks."""
