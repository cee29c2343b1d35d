"""The worker's parts together, in one process, on real servers."""
