"""Tools: how they are declared, what they are given, and what a call returns."""
