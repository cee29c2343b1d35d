"""Whether decisions are what they should be."""
