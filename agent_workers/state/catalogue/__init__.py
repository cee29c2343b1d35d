"""What this installation has: agents and their versions, tools, MCP servers, circuit breakers."""
