"""Doing: planners, tools, evaluators and models; each gets a value and returns a value."""
