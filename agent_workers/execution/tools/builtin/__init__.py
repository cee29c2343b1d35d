"""The tools of every installation, each with its effect class. The ways out that they use are in `execution/outside/`."""
