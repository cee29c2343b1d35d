"""Calls to the outside, against real servers of this host."""
