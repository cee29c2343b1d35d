"""The parts of a worker process, each made from settings."""
