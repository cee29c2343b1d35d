"""Access by HTTP: a thin layer that accepts, shows and streams jobs."""
