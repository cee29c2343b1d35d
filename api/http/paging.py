"""Pages of a list whose rows have a time and an id: the cursor says behind which row to go on."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar
from uuid import UUID

from starlette.requests import Request

from agent_workers.state.database.pages import Page
from api.http.cursors import Cursors
from api.http.listing import listed
from api.http.queries import PageQuery
from api.http.replies import JsonReply
from api.process.threads import Threads

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """The pages of one list."""

    cursors: Cursors
    threads: Threads

    async def reply(
        self,
        asked: PageQuery,
        read: Callable[..., Page[T]],
        *,
        scope: str,
        text: Callable[[T], str],
        place: Callable[[T], tuple[datetime, UUID]],
        linked_from: Request | None = None,
    ) -> JsonReply:
        """Reply with the page that is asked for; `scope` is whose list it is, with its filters."""
        behind = None if asked.cursor is None else self.cursors.read(asked.cursor, scope=scope)
        return await listed(
            self.threads,
            partial(read, limit=asked.limit, behind=behind),
            text=text,
            cursor=lambda row: self.cursors.written(*place(row), scope=scope),
            linked_from=linked_from,
        )
