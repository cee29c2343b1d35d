"""Which tools there are: written by the workers that start with them, read by whoever asks."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from agent_workers.state.engine import Database

_REGISTER = "select register_tools(%s::jsonb)"
_ALL = """
select name, definition::text, registered_at, seen_at from tools
 where %s::text is null or name = %s order by name"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSeen:
    """A tool as callers may see it; the definition is JSON."""

    name: str
    definition: str
    registered_at: datetime
    seen_at: datetime


class Tools:
    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, tools: Sequence[Mapping[str, object]]) -> None:
        """Make known what a worker has; of a name the last worker to start decides."""
        if not tools:
            return
        with self._database.connection() as connection:
            connection.execute(_REGISTER, (json.dumps(tools),))

    def all(self) -> list[ToolSeen]:
        return self._seen(None)

    def one(self, name: str) -> ToolSeen | None:
        return next(iter(self._seen(name)), None)

    def _seen(self, name: str | None) -> list[ToolSeen]:
        with self._database.connection() as connection:
            rows = connection.execute(_ALL, (name, name)).fetchall()
        return [
            ToolSeen(name=name, definition=definition, registered_at=registered, seen_at=seen)
            for name, definition, registered, seen in rows
        ]
