"""The agents, tools and models that this machine's settings name."""
