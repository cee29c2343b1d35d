"""MCP servers: real ones of others, and ones of our own that misbehave."""
