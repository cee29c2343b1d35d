"""Sessions by the client: what was said, adding to it, forgetting it."""

import sys
from collections.abc import Mapping, Sequence
from typing import Literal
from urllib.parse import quote, urlencode

from agent_workers.client.http import Json, Wire


class SessionCalls:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def page(self, *, cursor: str | None = None, limit: int = 20) -> Json:
        """Return one page of sessions, the last used first: `data`, `has_more`, `next_cursor`.

        It may have fewer sessions than `limit`.
        """
        members = {"limit": str(limit)} | ({"cursor": cursor} if cursor else {})
        return self._wire.ask("GET", f"/v1/sessions?{urlencode(members)}")

    def all(self, *, most: int = sys.maxsize) -> list[Json]:
        """Return sessions, the last used first, over as many pages as it takes."""
        return list(self._wire.rows("/v1/sessions", most=most))

    def get(self, session_id: str) -> Json:
        return self._wire.ask("GET", _of(session_id))

    def get_history(self, session_id: str) -> list[Json]:
        """Return all that was said, oldest first."""
        return list(self._wire.rows(f"{_of(session_id)}/messages"))

    def add_message(  # noqa: PLR0913 (what a message may hold, each by its name)
        self,
        session_id: str,
        role: Literal["user", "assistant", "tool"],
        content: object,
        *,
        calls: Sequence[Mapping[str, object]] = (),
        call_id: str | None = None,
        user_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> Json:
        """Add a message that no job says. Only with an idempotency key is a failed call tried again."""
        given = {"calls": [dict(call) for call in calls] or None, "call_id": call_id}
        given |= {"user_id": user_id}
        body = {"role": role, "content": content}
        body |= {name: value for name, value in given.items() if value is not None}
        headers = {} if idempotency_key is None else {"idempotency-key": idempotency_key}
        return self._wire.ask(
            "POST",
            f"{_of(session_id)}/messages",
            body=body,
            headers=headers,
            repeatable=bool(headers),
        )

    def clear(self, session_id: str) -> None:
        """Forget what was said; jobs that have not ended keep their turns."""
        self._wire.call("DELETE", _of(session_id), repeatable=False)


def _of(session_id: str) -> str:
    return f"/v1/sessions/{quote(session_id, safe='')}"
