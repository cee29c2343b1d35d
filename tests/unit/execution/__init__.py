"""Planners, evaluators, tools, models and sandboxes, without I/O."""
