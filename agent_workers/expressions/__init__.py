"""The Common Expression Language, with a bound on what an expression of a stranger may cost."""
