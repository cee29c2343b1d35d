"""Trials of one job each: one fault at one point, and the verdict."""
