"""Calls hosts for tools: checked addresses, bounded answers, no cookies, nothing of the environment."""

import re
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from urllib.parse import quote, urldefrag, urljoin

from agent_workers.domain.outside.http import (
    HttpAnswer,
    HttpBounds,
    HttpRequest,
    NoAnswer,
    NotCallable,
    NotSent,
)
from agent_workers.domain.outside.reach import Reach, Target, Uncallable, is_within, target_of
from agent_workers.execution.outside.connecting import (
    AddressRefused,
    Left,
    Resolve,
    checked,
    connected,
    in_time,
    resolved,
)
from agent_workers.execution.outside.proxies import Proxy
from agent_workers.execution.outside.reading import Read, read_answer

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PROXY_ASKS = 407
_LEAST_S = 0.001
_TLS_ONLY = "the headers of this tool are secret: it may call https:// URLs only"


class OutOfTime(TimeoutError):
    """The whole time of a call is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What `Http` is in a worker."""

    reach: Reach
    context: ssl.SSLContext
    proxy: Proxy | None = None
    resolve: Resolve = resolved

    def __call__(self, request: HttpRequest, bounds: HttpBounds) -> HttpAnswer:
        """Send a request; only a GET or HEAD is sent on to where a redirect leads."""
        check_headers(request.headers)
        left = _until(time.monotonic() + bounds.within.total_seconds())
        follows = bounds.redirects if request.method in {"GET", "HEAD"} else 0
        for _ in range(follows + 1):
            answer = self._answer(request, bounds, left)
            location = answer.headers.get("location")
            if not follows or answer.status not in _REDIRECTS or not location:
                return answer
            request = _sent_on(request, location)
        raise NotCallable(f"more than {follows} redirects; the last one led to {request.url}")

    def _answer(self, request: HttpRequest, bounds: HttpBounds, left: Left) -> HttpAnswer:
        target = self._target(request.url, bounds)
        try:
            connection = self._connected(target, left, is_secret=bounds.secret)
        except AddressRefused as error:
            raise NotCallable(str(error)) from None
        except (OSError, ValueError) as error:
            raise NotSent(f"{target.host} was not reached: {said(error)}") from None
        with connection:
            try:
                read = _exchanged(connection, self._written(target, request), request, bounds, left)
            except OSError as error:
                raise NoAnswer(f"{target.host} gave no answer: {said(error)}") from None
        if self.proxy and target.scheme == "http" and read.status == _PROXY_ASKS:
            raise NotSent("the proxy does not take the name and password of AGENT_EGRESS_PROXY")
        return _answered(request.url, read)

    def _target(self, url: str, bounds: HttpBounds) -> Target:
        """Both the installation and the tool have to allow it."""
        try:
            target = target_of(url, self.reach)
        except Uncallable as error:
            raise NotCallable(f"the URL {error}") from None
        if not replace(self.reach, hosts=tuple(bounds.hosts)).named(target.host):
            raise NotCallable(f"this tool may not call {target.host}")
        return target

    def _connected(self, target: Target, left: Left, *, is_secret: bool) -> socket.socket:
        """Connect; nothing of the request is sent here, so whatever fails has left no mark."""
        is_shown = is_secret and target.scheme == "http"
        resolve = in_time(self.resolve, left)
        if self.proxy is None:
            found = checked(target, resolve, self.reach)
            if is_shown and not all(is_within(str(p[0]), self.reach.private) for *_, p in found):
                raise AddressRefused(_TLS_ONLY)
            return connected(target, found, context=self.context, left=left)
        if is_shown:
            raise AddressRefused(_TLS_ONLY)
        place = self.proxy.target
        found = resolve(place.host, place.port)
        opened = connected(place, found, context=self.context, left=left)
        if target.scheme == "http":
            return opened
        try:
            self.proxy.open_tunnel(opened, target, left)
            return self.context.wrap_socket(opened, server_hostname=target.host)
        except BaseException:
            opened.close()
            raise

    def _written(self, target: Target, request: HttpRequest) -> bytes:
        path = quote(target.path, safe="/?&=%:;@+$,!*()~.-_[]'")
        through = self.proxy if target.scheme == "http" else None
        lines = [
            f"{request.method} {f'http://{target.named}' if through else ''}{path} HTTP/1.1",
            f"host: {target.named}",
            "connection: close",
            "accept-encoding: identity",
        ]
        if through and through.authorization:
            lines.append(f"proxy-authorization: {through.authorization}")
        if request.body or request.method not in {"GET", "HEAD", "DELETE"}:
            lines.append(f"content-length: {len(request.body)}")
        lines += [f"{name}: {value}" for name, value in _headers(request).items()]
        return "\r\n".join([*lines, "", ""]).encode("ascii") + request.body


def said(error: OSError | ValueError) -> str:
    """Say in a few words what went wrong with a connection."""
    match error:
        case TimeoutError():
            return "it took too long"
        case ssl.SSLError():
            return f"TLS: {error.reason or error}"
        case socket.gaierror():
            return "the host name is not known"
        case ConnectionRefusedError():
            return "the connection was refused"
        case ConnectionResetError():
            return "the connection was reset"
        case _:
            return str(error)[:300] or type(error).__name__


def _until(end: float) -> Left:
    def left() -> float:
        seconds = end - time.monotonic()
        if seconds < _LEAST_S:
            raise OutOfTime
        return seconds

    return left


def _headers(request: HttpRequest) -> Mapping[str, str]:
    names = {name.lower() for name in request.headers}
    return (
        {"user-agent": "agent-workers", **request.headers}
        if "user-agent" not in names
        else (request.headers)
    )


def _exchanged(
    connection: socket.socket, written: bytes, request: HttpRequest, bounds: HttpBounds, left: Left
) -> Read:
    try:
        connection.settimeout(left())
    except OutOfTime:
        raise NotSent("connecting took too long") from None
    with suppress(BrokenPipeError):  # an early answer may be there to be read
        connection.sendall(written)
    return read_answer(connection, request, bounds, left)


def _answered(url: str, read: Read) -> HttpAnswer:
    headers: dict[str, str] = {}
    for name, value in read.headers.items():
        headers.setdefault(name.lower(), value.replace("\0", "\ufffd")[:2_048])
    if not read.is_encoded:
        headers.pop("content-encoding", None)
    return HttpAnswer(
        url=url,
        status=read.status,
        headers=headers,
        body=read.body,
        cut=read.cut,
        broken=read.broken,
    )


def _sent_on(request: HttpRequest, location: str) -> HttpRequest:
    """The same request to another URL, which is checked like the first."""
    try:
        url = urldefrag(urljoin(request.url, location)).url
    except ValueError:
        raise NotCallable(
            f"a redirect of {request.url} leads to something that is not a URL"
        ) from None
    if request.url.startswith("https:") and not url.startswith("https:"):
        raise NotCallable("a redirect leads from https:// to something else")
    elsewhere = urljoin(request.url, "/") != urljoin(url, "/")
    headers = safe_elsewhere(request.headers) if elsewhere else request.headers
    return replace(request, url=url, headers=headers)


_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"[\t -~]{0,4096}")
_MOST = 50
_OURS = frozenset(
    "accept-encoding connection content-length expect host keep-alive te trailer"
    " transfer-encoding upgrade".split()
)
# What may be shown to another host than the one that it was meant for.
_HARMLESS = frozenset({"accept", "accept-language", "user-agent"})


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse what could end a header, begin another, or hide a second request in the first."""
    if len(headers) > _MOST:
        raise NotCallable(f"there are more than {_MOST} headers")
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise NotCallable(f"{name!r} is not the name of a header")
        if name.lower() in _OURS or name.lower().startswith("proxy-"):
            raise NotCallable(f"a tool may not set the header {name!r}")
        if not _VALUE.fullmatch(value):
            raise NotCallable(f"the header {name!r} must be one line of printable ASCII")


def safe_elsewhere(headers: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value for name, value in headers.items() if name.lower() in _HARMLESS}
