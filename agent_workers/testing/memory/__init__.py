"""The store of a job in the memory of one process: the rules of `migrations/sql/`, without a server."""
