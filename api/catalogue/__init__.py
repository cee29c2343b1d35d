"""The routes of agents, tools and MCP servers."""
