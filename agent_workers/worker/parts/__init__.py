"""The parts of a worker process, each made from settings. `worker/runtime.py` puts them together."""
