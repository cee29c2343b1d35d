"""Measuring speed, recovery time and memory of the whole system on this machine."""
