"""Replies made of bytes that are JSON already."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from agent_workers.state.access.keys import Caller
from api.problems import MEDIA_TYPE, Problem

Headers = Sequence[tuple[bytes, bytes]]
_JSON = (b"content-type", b"application/json")
NO_STORE = (b"cache-control", b"no-store")
REPLAYED = (b"idempotency-replayed", b"true")


class JsonReply(Response):
    """Skips what the general response does for every request: its bytes and headers are final."""

    def __init__(self, body: bytes, *, status: int = 200, headers: Headers = ()) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = [
            _JSON,
            (b"content-length", str(len(body)).encode("ascii")),
            *headers,
        ]


class EmptyReply(Response):
    """A reply without a body, such as 304 and 204."""

    def __init__(self, status: int, *, headers: Headers = ()) -> None:
        self.status_code = status
        self.body = b""
        self.background = None
        self.raw_headers = list(headers)


class ProblemReply(Response):
    """A problem, as it goes over the wire."""

    def __init__(self, problem: Problem, *, request_id: str, instance: str) -> None:
        self.status_code = problem.status
        self.body = problem.to_bytes(request_id=request_id, instance=instance)
        self.background = None
        self.raw_headers = [
            (b"content-type", MEDIA_TYPE),
            (b"content-length", str(len(self.body)).encode("ascii")),
            *problem.to_headers(),
        ]


def caller_of(request: Request) -> Caller:
    """Return who is calling; the door has put it there, or the request would not have come in."""
    caller = request.scope["caller"]
    assert isinstance(caller, Caller)
    return caller
