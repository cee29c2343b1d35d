"""Models: how one is asked, and how much may be asked of its provider."""
