"""Telling workers that a step is due: rings, and the connections that carry them. A lost ring loses nothing."""
