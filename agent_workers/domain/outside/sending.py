"""Sending over HTTP: what an answer proves, and tools for hosts that honour idempotency keys."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Literal

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import Misdeclared, NotExecuted, ToolError, TryLater
from agent_workers.domain.outside.http import (
    Http,
    HttpAnswer,
    HttpBounds,
    HttpRequest,
    NoAnswer,
    NotCallable,
    NotSent,
)
from agent_workers.domain.outside.reach import is_host_pattern
from agent_workers.domain.outside.shown import HttpResult, one_line, shown
from agent_workers.domain.tools.declaring import tool
from agent_workers.domain.tools.tool import Call, Tool

Method = Literal["POST", "PUT", "PATCH", "DELETE"]
Body = dict[str, object] | list[object] | str | None
TIMEOUT = timedelta(seconds=30)
KEY_HEADER = "Idempotency-Key"
_JSON = "application/json"
_SHOWN_OF_REFUSAL = 300
_MOST_BYTES = 100_000

_CONFLICT, _TOO_EARLY, _TOO_MANY = 409, 425, 429
_REQUEST_TIMEOUT = 408
# What lies beyond 599 means nothing: somebody between us and the host may have made it up.
_REFUSALS, _OUTAGES = range(400, 500), range(500, 1_000)


class Refused(ToolError):
    """The host answered that it did not do it, and will not."""

    code = "refused"


class Unavailable(TryLater):
    """The host cannot be asked now; `headers` may hold its Retry-After."""

    code = "unavailable"

    def __init__(self, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.headers = headers or {}


class TooMany(NotExecuted):
    """The host did not even look at it: it has had too many."""

    code = "try_later"

    def __init__(self, message: str, headers: Mapping[str, str]) -> None:
        super().__init__(message)
        self.headers = headers


def request_of(
    method: str, url: str, body: Body, content_type: str, headers: Mapping[str, str]
) -> HttpRequest:
    """Write a request; what is no text goes as JSON."""
    if body is None:
        return HttpRequest(method=method, url=url, headers=headers)
    is_text = isinstance(body, str) and content_type != _JSON
    if not is_text and content_type != _JSON:
        raise ToolError(f"a body of type {content_type!r} must be a string")
    try:
        written = str(body) if is_text else json.dumps(body, ensure_ascii=True, allow_nan=False)
        encoded = written.encode()
    except (ValueError, RecursionError) as error:
        raise ToolError(f"the body cannot be written: {error}") from None
    return HttpRequest(
        method=method,
        url=url,
        headers={**_without(headers, "content-type"), "content-type": content_type},
        body=encoded,
    )


class NotTaken(NotExecuted):
    """Nothing of the only request of a tool has left us."""

    code = "try_later"


def sent(http: Http, request: HttpRequest, key: str, bounds: HttpBounds) -> HttpAnswer:
    """Send a request with its key, whatever else calls itself by that header's name.

    For tools that do nothing else: what was not sent was not done.
    """
    headers = {**_without(request.headers, KEY_HEADER), KEY_HEADER: key}
    keyed = HttpRequest(method=request.method, url=request.url, headers=headers, body=request.body)
    try:
        return http(keyed, bounds)
    except NotCallable as error:
        raise Refused(str(error)) from None
    except NotSent as error:
        raise NotTaken(str(error)) from None


def proved(answer: HttpAnswer) -> HttpResult:
    """Say what an answer proves of a request that must not be repeated."""
    if answer.status in {_TOO_EARLY, _TOO_MANY}:
        raise TooMany(f"{answer.url} answered {answer.status}", answer.headers)
    if answer.status in _OUTAGES or answer.status == _REQUEST_TIMEOUT:
        # It may have been done before something behind it fell over.
        raise NoAnswer(f"{answer.url} answered {answer.status}")
    if answer.status in _REFUSALS:
        raise Refused(_told(answer))
    return shown(answer)


def http_sender(
    *,
    name: str,
    hosts: Sequence[str],
    key_ttl: timedelta,
    description: str = "",
    headers: Mapping[str, str] | None = None,
    timeout: timedelta = TIMEOUT,
) -> Tool:
    """Make a tool that sends to hosts which do nothing twice for one Idempotency-Key.

    `key_ttl`: how long the hosts remember a key. `headers` go with every request, and no planner
    sees them; with them nothing is sent over `http://` but to addresses of AGENT_HTTP_PRIVATE.
    """
    if isinstance(hosts, str) or not hosts or not all(is_host_pattern(one) for one in hosts):
        raise Misdeclared(
            f"tool {name!r}: hosts must be a list like ['api.example.com', '*.example.org']"
        )
    fixed = dict(headers or {})
    bounds = HttpBounds(
        hosts=tuple(hosts),
        most_bytes=_MOST_BYTES,
        within=min(timeout * 0.7, TIMEOUT),
        secret=bool(fixed),
    )

    def send(
        url: str,
        method: Method = "POST",
        body: Body = None,
        content_type: str = _JSON,
        *,
        http: Http,
        call: Call,
    ) -> HttpResult:
        request = request_of(method, url, body, content_type, fixed)
        try:
            answer = sent(http, request, call.key, bounds)
        except NotTaken as error:
            raise NotExecuted(str(error)) from None
        except NoAnswer as error:
            raise Unavailable(str(error)) from None
        return _kept(answer, call)

    send.__doc__ = description or f"Send a request to {', '.join(hosts)}."
    return tool(name=name, effect=EffectClass.KEYED, key_ttl=key_ttl, timeout=timeout)(send)


def _kept(answer: HttpAnswer, call: Call) -> HttpResult:
    """Say what an answer means where the same key may be sent again."""
    status = answer.status
    # While an earlier attempt with the same key is still being done, hosts answer 409.
    is_busy = status == _CONFLICT and call.attempt > 1
    if is_busy or status in {_REQUEST_TIMEOUT, _TOO_EARLY, _TOO_MANY} or status in _OUTAGES:
        raise Unavailable(f"{answer.url} answered {status}", answer.headers)
    if status in _REFUSALS:
        raise Refused(_told(answer))
    return shown(answer)


def _told(answer: HttpAnswer) -> str:
    said = one_line((shown(answer).text or "")[:_SHOWN_OF_REFUSAL])
    return (
        f"{answer.url} answered {answer.status}: {said}"
        if said
        else (f"{answer.url} answered {answer.status}")
    )


def _without(headers: Mapping[str, str], name: str) -> Mapping[str, str]:
    return {key: value for key, value in headers.items() if key.lower() != name.lower()}
