"""The demo: a refund question, two tools that cooperate, and an effect that survives a crash."""
