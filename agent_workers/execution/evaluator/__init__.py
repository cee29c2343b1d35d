"""Verdicts on a round: checks first, then a function, and a model where one is configured."""
