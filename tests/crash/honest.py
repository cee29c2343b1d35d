"""Tools as their authors write them, honest and not: they act on a counter over HTTP."""

import asyncio
import json
from datetime import timedelta
from http.client import HTTPConnection
from urllib.parse import urlsplit

from agent_workers import Absent, Call, Effect, Statement, Transaction, tool

_LONG = timedelta(hours=1)
_SEEN_S = 5.0


def _post(place: str, body: dict[str, object]) -> str:
    parts = urlsplit(place)
    connection = HTTPConnection(parts.netloc, timeout=_SEEN_S)
    try:
        connection.request("POST", f"{parts.path}?{parts.query}", json.dumps(body).encode())
        response = connection.getresponse()
        answer = json.loads(response.read())
    finally:
        connection.close()
    return str(answer["result"])


def _see_nothing(counter: str, mark: str) -> Absent:
    del counter, mark
    return Absent()


@tool(effect=Effect.KEYED, key_ttl=_LONG)
def charge(counter: str, mark: str, *, call: Call) -> str:
    """Let it happen once for each key."""
    return _post(f"{counter}/effects/{mark}?keyed=1&key={call.key}", {"mark": mark})


@tool(effect=Effect.KEYED, key_ttl=_LONG)
async def charge_async(counter: str, mark: str, *, call: Call) -> str:
    """Let it happen once for each key, from a coroutine."""
    place = f"{counter}/effects/{mark}?keyed=1&key={call.key}"
    return await asyncio.to_thread(_post, place, {"mark": mark})


@tool(effect=Effect.TRANSACTIONAL)
def note(mark: str) -> Transaction[str]:
    """Write it into our own database."""
    sql = "insert into public.notes (mark) values (%(mark)s)"
    return Transaction([Statement(sql, {"mark": mark})], mark)


@tool(effect=Effect.KEYED, key_ttl=_LONG)
def charge_anyway(counter: str, mark: str, *, call: Call) -> str:
    """Say that a key is honoured, where it is not."""
    return _post(f"{counter}/effects/{mark}?key={call.key}", {"mark": mark})


@tool(effect=Effect.RECONCILABLE, look_up=_see_nothing)
def book_blindly(counter: str, mark: str, *, call: Call) -> str:
    """Look for what happened, and never find it."""
    return _post(f"{counter}/effects/{mark}?key={call.key}", {"mark": mark})


@tool(effect=Effect.KEYED, key_ttl=_LONG)
def pretend(counter: str, mark: str) -> str:
    """Say that it happened, and do nothing."""
    return f"{counter} {mark}"
