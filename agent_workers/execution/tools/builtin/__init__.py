"""The tools of every installation, each with its effect class. They call out through `execution/outside/`."""
