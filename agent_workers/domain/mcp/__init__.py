"""MCP servers, their tools, and calls of them."""
