"""The door that every request comes through: its id, its caller, its size, and no error unsaid."""

import secrets

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.state.access.keys import Caller
from api.http.replies import ProblemReply
from api.http.request_log import Answer
from api.problems import Problem, problem_of
from api.process.cached import Cached
from api.process.threads import CALLER

log = structlog.get_logger(__name__)

MOST_BYTES = 1 << 20
# An upload of a batch's items is read as it comes; each of its lines may have MOST_BYTES.
MOST_UPLOADED = 1 << 30
_UPLOADS = ("/v1/batches/", "/items")
_PROTECTED = "/v1/"
_LONGEST_ID = 128
_REALM = 'Bearer realm="agent-workers"'
_SEND = "Send your API key as `Authorization: Bearer …` or as `x-api-key`."
_UNKNOWN = "The key is unknown, was revoked, or has expired."


class Door:
    def __init__(self, app: ASGIApp, *, callers: Cached[bytes, Caller], log_requests: bool) -> None:
        self._app = app
        self._callers = callers
        self._log_requests = log_requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        token, length, given_id = _read(scope)
        request_id = _usable(given_id) or b"req_" + secrets.token_hex(16).encode("ascii")
        scope["request_id"] = request_id.decode("ascii")
        scope["given_request_id"] = given_id == request_id
        answer = Answer(scope)

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.begins(message)
                message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
            await send(message)

        try:
            if scope["path"].startswith(_PROTECTED):
                caller = self._callers.fresh(token) or await self._find(token)
                scope["caller"] = caller
                CALLER.set(caller.tenant_id)
            await self._app(scope, _counted(receive, length, _most(scope)), send_with_id)
        except Exception as error:
            if answer.status:
                raise
            await _reply(error, scope, receive, send_with_id)
        finally:
            answer.say(only_ours=not self._log_requests)

    async def _find(self, token: bytes) -> Caller:
        if not token:
            raise _no_key()
        caller = await self._callers.get(token)
        if caller is None:
            raise _bad_key(_SEND if b" " in token else _UNKNOWN)
        return caller


async def _reply(error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
    problem = problem_of(error)
    if problem.code == "internal_error" and not isinstance(error, AgentWorkersError):
        log.error(
            "request_failed",
            path=scope["path"],
            request_id=scope["request_id"],
            exc_info=error,
        )
    reply = ProblemReply(problem, request_id=scope["request_id"], instance=scope["path"])
    await reply(scope, receive, send)


def _read(scope: Scope) -> tuple[bytes, bytes | None, bytes]:
    """Return the token, the announced length and the caller's request id, in one pass."""
    token, other, length, given_id = b"", b"", None, b""
    for name, value in scope["headers"]:
        if name == b"authorization":
            # It decides wherever it stands, even when the other header would be right.
            scheme, _, rest = value.partition(b" ")
            token = rest.strip() if scheme.lower() == b"bearer" else value
            token = token or b"?"
        elif name == b"x-api-key":
            other = value
        elif name == b"content-length":
            length = value
        elif name == b"x-request-id":
            given_id = value
    return token or other, length, given_id


def _usable(given_id: bytes) -> bytes:
    """A caller's id goes into our replies and logs: visible ASCII of a sane length only."""
    sane = 0 < len(given_id) <= _LONGEST_ID and all(0x21 <= byte <= 0x7E for byte in given_id)  # noqa: PLR2004
    return given_id if sane else b""


def _most(scope: Scope) -> int:
    begin, end = _UPLOADS
    path: str = scope["path"]
    uploads = scope["method"] == "PUT" and path.startswith(begin) and path.endswith(end)
    return MOST_UPLOADED if uploads else MOST_BYTES


def _counted(receive: Receive, length: bytes | None, most: int) -> Receive:
    """Refuse what is too large by its announced length, or by counting when none is announced."""
    if length is not None:
        if not length.isdigit() or int(length[:20]) > most:
            raise _too_large(most)
        return receive
    return _counting(receive, most)


def _counting(receive: Receive, most: int) -> Receive:
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise _too_large(most)
        return message

    return counted


# Made anew for each request: an exception that is raised twice keeps both tracebacks.
def _no_key() -> Problem:
    return Problem(code="missing_key", detail=_SEND, headers={"www-authenticate": _REALM})


def _bad_key(detail: str) -> Problem:
    realm = f'{_REALM}, error="invalid_token"'
    return Problem(code="invalid_key", detail=detail, headers={"www-authenticate": realm})


def _too_large(most: int) -> Problem:
    detail = f"The body may have at most {most} bytes."
    return Problem(code="body_too_large", detail=detail, headers={"connection": "close"})
