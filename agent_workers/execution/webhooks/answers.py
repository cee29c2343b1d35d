"""Reads an answer off a connection: as much as is needed, and for no longer than is left."""

import http.client
import io
import re
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from agent_workers.domain.webhooks.webhook import Answered, Outcome, Unanswered

SNIPPET = 1_024
_MOST = 64 * 1_024
_CHUNK = 16 * 1_024
# The status decides; what else is said is for people, and not worth a wait.
_SNIPPET_PATIENCE_S = 0.5
_INTERIM = re.compile(rb"\A(?:HTTP/1\.[01] 1(?!01)\d\d[^\n]*\n(?:[^\r\n][^\n]*\n)*\r?\n)+")
_LENGTH = re.compile(rb"\ncontent-length:[ \t]*(\d{1,9})[ \t]*\r?\n", re.IGNORECASE)
_SECONDS = re.compile(r"\d{1,9}")
Left = Callable[[], float]


def answer(connection: socket.socket, left: Left) -> Outcome:
    """Read an answer that may be anything; raises what the connection raises before a status."""
    got = _read(connection, left)
    if not got:
        return Unanswered(error="the connection was closed without an answer")
    return parsed(got)


def parsed(got: bytes) -> Outcome:
    response = http.client.HTTPResponse(_Bytes(got), method="POST")  # type: ignore[arg-type]
    try:
        response.begin()
        body = response.read(SNIPPET)
    except http.client.IncompleteRead as error:
        body = error.partial
    except (http.client.HTTPException, ValueError, OSError):
        return Unanswered(error="the answer is not HTTP")
    return Answered(
        status=response.status,
        wish=wished(response.getheader("retry-after"), datetime.now(UTC)),
        body=body[:SNIPPET].decode("utf-8", "replace").replace("\0", "\ufffd"),
    )


def wished(value: str | None, now: datetime) -> timedelta | None:
    """Read a Retry-After: seconds or a date; anything else was not said."""
    if value is None:
        return None
    if _SECONDS.fullmatch(value.strip()):
        return timedelta(seconds=int(value))
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return max(timedelta(0), (at if at.tzinfo else at.replace(tzinfo=UTC)) - now)


def _read(connection: socket.socket, left: Left) -> bytes:
    got = b""
    while len(got) < _MOST:
        head = got.find(b"\r\n\r\n")
        if head >= 0 and _is_whole(got, head):
            break
        try:
            connection.settimeout(left() if head < 0 else min(left(), _SNIPPET_PATIENCE_S))
            chunk = connection.recv(_CHUNK)
        except OSError:
            if head < 0:
                raise
            break  # the status is known
        if not chunk:
            break
        got = _INTERIM.sub(b"", got + chunk)
    return got


def _is_whole(got: bytes, head: int) -> bool:
    body = len(got) - head - 4
    length = _LENGTH.search(got, 0, head + 2)
    return body >= SNIPPET or (length is not None and body >= int(length.group(1)))


class _Bytes:
    """A socket that has said everything already."""

    def __init__(self, said: bytes) -> None:
        self._said = said

    def makefile(self, _: str) -> io.BytesIO:
        return io.BytesIO(self._said)
