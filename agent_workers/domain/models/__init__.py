"""Models: how one is asked, and how many requests its provider accepts."""
