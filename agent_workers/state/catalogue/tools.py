"""Which tools there are: written by the workers that start with them, read by whoever asks."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from agent_workers.state.database.engine import Database
from agent_workers.state.database.pages import Page, Row, read_page

_REGISTER = "select register_tools(%s::jsonb)"
_COLUMNS = "name, definition::text, registered_at, seen_at"
_PAGE = f"""
select {_COLUMNS} from tools where %(after)s::text is null or name > %(after)s order by name"""
_ONE = f"select {_COLUMNS} from tools where name = %s"


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

    def page(self, *, limit: int, after: str | None = None) -> Page[ToolSeen]:
        """Return tools in the order of their names, behind a name."""
        return read_page(self._database, _PAGE, {"after": after}, limit=limit, seen=_seen)

    def one(self, name: str) -> ToolSeen | None:
        with self._database.connection() as connection:
            row = connection.execute(_ONE, (name,)).fetchone()
        return None if row is None else _seen(row)


def _seen(row: Row) -> ToolSeen:
    name, definition, registered, seen = row
    return ToolSeen(name=name, definition=definition, registered_at=registered, seen_at=seen)
