"""Talking to MCP servers: bounded messages, and programs and addresses that are not trusted."""
