"""The examples, run as a user runs them: one system for all, on the scripted model."""
