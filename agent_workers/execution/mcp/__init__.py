"""Speaking to MCP servers: bounded messages, programs and addresses that are not trusted."""
