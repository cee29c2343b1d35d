"""Exceptions of users' code as failed attempts: what they are, and which are worth another."""

from collections.abc import Mapping
from contextlib import suppress
from email.message import Message
from http.client import HTTPException

from agent_workers.domain.errors import AgentWorkersError, Escaped, OverTime, RaisedInside
from agent_workers.domain.step import Broke
from agent_workers.domain.tracing import trouble_of

# Mistakes in code or data: the next attempt would make them again.
_MISTAKES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    NotImplementedError,
    TypeError,
    ValueError,
)
# Known by their names, so that no HTTP library has to be there.
_TIMEOUTS = frozenset({"Timeout", "TimeoutException", "ServerTimeoutError"})
_CONNECTIONS = frozenset({"TransportError", "ClientConnectionError", "APIConnectionError"})
_UNAUTHORIZED, _TIMED_OUT, _TOO_MANY = 401, 408, 429
_REFUSALS, _OUTAGES = range(400, 500), range(500, 600)
_PASSES = frozenset({"connection", "timeout", "unavailable", "rate_limited", "auth", "exception"})
CODES = _PASSES | {"refused", "mistake"}
_LONGEST = 2_000
_LONGEST_WAIT_S = 86_400.0


def broke_of(error: Exception, *, retryable: bool | None = None) -> Broke:
    """Describe an exception; unless it is said, its kind says whether trying again makes sense."""
    code = error.code if isinstance(error, AgentWorkersError) else _code(error)
    return Broke(
        code=code,
        message=_words(error)[:_LONGEST],
        retryable=_is_retryable(error, code) if retryable is None else retryable,
        retry_after_s=_retry_after(error),
        trouble=None if isinstance(error, OverTime) else trouble_of(error),
    )


def _words(error: BaseException) -> str:
    """Name what the user's code raised: not what carried it here."""
    if isinstance(error, RaisedInside | OverTime):
        return str(error)
    if isinstance(error, Escaped) and error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}"


def _is_retryable(error: Exception, code: str) -> bool:
    return error.retryable if isinstance(error, AgentWorkersError) else code in _PASSES


def _code(error: Exception) -> str:
    status = _status(error)
    if status is not None:
        return _code_of_status(status)
    names = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, TimeoutError) or names & _TIMEOUTS:
        return "timeout"
    if isinstance(error, OSError | HTTPException) or names & _CONNECTIONS:
        return "connection"
    return "mistake" if isinstance(error, _MISTAKES) else "exception"


def _code_of_status(status: int) -> str:
    if status in _OUTAGES:
        return "unavailable"
    named = {_UNAUTHORIZED: "auth", _TIMED_OUT: "timeout", _TOO_MANY: "rate_limited"}
    return named.get(status, "refused")


def _status(error: Exception) -> int | None:
    """Read the HTTP status that httpx, requests, urllib and others carry with their errors."""
    for holder in (_of(error, "response"), error):
        for name in ("status_code", "status", "code"):
            status = _of(holder, name)
            if isinstance(status, int) and (status in _REFUSALS or status in _OUTAGES):
                return status
    return None


def _retry_after(error: Exception) -> float | None:
    """Read how long the other side asks to wait, in seconds; a date is passed over."""
    headers = _of(_of(error, "response") or error, "headers")
    try:
        said = float(str(headers["retry-after"])) if isinstance(headers, Mapping | Message) else -1
    except (KeyError, ValueError):
        return None
    return min(said, _LONGEST_WAIT_S) if said >= 0 else None


def _of(holder: object, name: str) -> object:
    """Look at an attribute; some libraries' properties raise errors of their own."""
    with suppress(Exception):
        found: object = getattr(holder, name, None)
        return found
    return None
