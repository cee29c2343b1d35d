"""The evaluator: what is to be said of a round, by checks first, and by a model where it is asked."""
