"""The demo's agents, tools and refund server. The command that runs them is in `cli/demo/`."""
