"""The API's process: connections, threads, waiting, start and stop."""
