"""Doing a step: planners, tools, evaluators and models take values and return values. It never reads the database."""
