"""Access by terminal: the agent-workers command."""
