"""Talking to the effect counter: as a tool that acts, and as the judge that asks afterwards."""

import json
import os
from asyncio import CancelledError
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import quote, urlencode, urlsplit

from agent_workers.domain.errors import NotExecuted, ToolError

# The variable that says at which address a worker on another host reaches the counter.
REACHED_AT = "COUNTER_URL"
_DENIED = 409
_REFUSED = 404
_CONFLICT = 422
# It happened, and the ledger in which the tool writes that down cannot be reached.
_UNWRITTEN = 202
# It happened, and then the tool makes a mistake of its own, or is canceled.
_BROKEN = 203
_CANCELED = 206
_FINE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What the world outside saw of one effect."""

    applied: int
    keys: int
    requests: int
    reads: int
    key_conflicts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One effect that a tool wants; `keyed`: the counter honours its key."""

    subject: str
    key: str
    note: str
    keyed: bool


def act(url: str, wish: Wish, *, timeout_s: float) -> str:
    """Let the effect happen; what is not a clear answer is raised."""
    query = urlencode({"key": wish.key, "keyed": int(wish.keyed)})
    body = json.dumps({"subject": wish.subject, "note": wish.note}).encode()
    place = f"/effects/{quote(wish.subject, safe='')}?{query}"
    return str(_asked(url, "POST", place, body, timeout_s)["result"])


def find(url: str, subject: str, *, key: str, timeout_s: float) -> list[str]:
    place = f"/effects/{quote(subject, safe='')}?" + urlencode({"key": key})
    found = _asked(url, "GET", place, b"", timeout_s)["found"]
    assert isinstance(found, list)
    return [str(one) for one in found]


def read(url: str, subject: str, *, timeout_s: float) -> str:
    place = f"/reads/{quote(subject, safe='')}"
    return str(_asked(url, "GET", place, b"", timeout_s)["result"])


def prepare(
    url: str,
    subject: str,
    *,
    script: tuple[str, ...] = (),
    key_ttl_s: float = 3600.0,
    shows_after_s: float = 0.0,
) -> None:
    """Tell the counter how to treat the next requests for this subject."""
    wish = {"script": script, "key_ttl_s": key_ttl_s, "shows_after_s": shows_after_s}
    _asked(url, "POST", f"/script/{quote(subject, safe='')}", json.dumps(wish).encode(), 10.0)


def count(url: str, subject: str) -> Count:
    return Count(**_numbers(_asked(url, "GET", f"/count/{quote(subject, safe='')}", b"", 10.0)))


def counts(url: str) -> dict[str, Count]:
    seen = _asked(url, "GET", "/counts", b"", 30.0)
    return {name: Count(**_numbers(one)) for name, one in seen.items() if isinstance(one, dict)}


def _numbers(seen: dict[str, object]) -> dict[str, int]:
    return {name: int(str(value)) for name, value in seen.items()}


def _asked(url: str, method: str, place: str, body: bytes, timeout_s: float) -> dict[str, object]:
    reached_at = os.environ.get(REACHED_AT) or url  # noqa: TID251 (only a worker far away has it)
    connection = HTTPConnection(urlsplit(reached_at).netloc, timeout=timeout_s)
    try:
        connection.request(method, place, body or None)
        response = connection.getresponse()
        written = response.read()
    finally:
        connection.close()
    if response.status == _DENIED:
        raise NotExecuted(f"the counter refused: {response.status}")
    if response.status == _REFUSED:
        raise ToolError(f"the counter refused for good: {response.status}")
    if response.status == _UNWRITTEN:
        raise ConnectionRefusedError("the ledger cannot be reached")
    if response.status == _CONFLICT:
        raise ToolError(f"the counter knows the key with another request: {response.status}")
    if response.status == _BROKEN:
        raise KeyError("receipt")
    if response.status == _CANCELED:
        raise CancelledError
    if response.status != _FINE:
        raise ConnectionError(f"the counter answered {response.status}")
    answer: dict[str, object] = json.loads(written)
    return answer
