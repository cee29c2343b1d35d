"""The planner: what to do next, by function, by rule, or by a model; checked before it is stored."""
