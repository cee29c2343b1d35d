"""`agent-workers mcp`: MCP servers, and the approval of their tools."""
