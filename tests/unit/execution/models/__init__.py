"""Model access, without litellm and without a network."""
