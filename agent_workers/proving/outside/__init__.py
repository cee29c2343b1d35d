"""Agents and tools whose effects a server outside counts."""
