"""`agent-workers memory`: what agents remember, and how well it is found again."""
