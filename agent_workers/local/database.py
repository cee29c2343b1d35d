"""Our database, open for as long as one command needs it."""

from contextlib import closing

from agent_workers.state.database.engine import Database


def database_at(url: str, command: str, *, pool_size: int = 1) -> closing[Database]:
    """Open the database; its server knows its sessions by the command."""
    return closing(Database(url, pool_size=pool_size, name=f"agent-workers {command}"))
