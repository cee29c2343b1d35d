"""Breakers and fallbacks with real workers, and a world outside that fails."""
