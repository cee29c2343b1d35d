"""Speaks HTTP to one server over connections that stay open, one per thread."""

import http.client
import json
import select
import ssl
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from agent_workers.client.errors import ClientError, Refused, Unreachable

# Any: JSON of the users' own shapes.
Json = dict[str, Any]
_ATTEMPTS = 4
_LONGEST_PAUSE_S = 120.0
_FIRST_ERROR = 400
_JSON = "json"
_FAILED = (OSError, http.client.HTTPException)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    # Any: JSON of whatever shape the API or the job's agent gave it.
    body: Any
    raw: bytes = b""


class Wire:
    def __init__(self, base_url: str, api_key: str, *, timeout_s: float) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ClientError(
                f"{base_url!r} is not the URL of an API: one begins with http:// or https://"
            )
        self._parts = parts
        self._timeout_s = timeout_s
        self._headers = {"authorization": f"Bearer {api_key}", "accept": "application/json"}
        self._threads = threading.local()

    def call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
        wait_s: float = 0.0,
    ) -> Reply:
        """Call once; what is repeatable is called again after failures that may pass."""
        for attempt in range(1, _ATTEMPTS + 1):
            last = attempt == _ATTEMPTS or not repeatable
            try:
                reply = self._once(method, path, body, headers or {}, wait_s)
            except _FAILED as error:
                self._drop()
                if last:
                    raise Unreachable(self._unreached(method, path, error)) from error
                time.sleep(0.1 * 2**attempt)
                continue
            if reply.status < _FIRST_ERROR:
                return reply
            problem = reply.body if isinstance(reply.body, dict) else {}
            if last or not problem.get("retryable"):
                raise Refused(reply.status, problem)
            time.sleep(_pause(reply.headers))
        raise AssertionError("the last attempt returns or raises")

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> Json:
        """Call, and return the object that comes back."""
        reply = self.call(method, path, body=body, headers=headers, repeatable=repeatable)
        found: Json = reply.body
        return found

    # Any: rows as the API says them.
    def rows(
        self,
        path: str,
        members: Mapping[str, str | None] | None = None,
        *,
        place: str = "cursor",
        at_once: int = 100,
        most: int = sys.maxsize,
    ) -> Iterator[Any]:
        """Yield the rows of a list; a page may have fewer than are asked for, and not be the last."""
        asked = {name: value for name, value in (members or {}).items() if value is not None}
        while most > 0:
            asked["limit"] = str(min(at_once, most))
            page = self.call("GET", f"{path}?{urlencode(asked)}").body
            yield from page["data"]
            if page["next_cursor"] is None:
                return
            asked[place] = page["next_cursor"]
            most -= len(page["data"])

    def fetch(self, path: str) -> bytes:
        """Read bytes of whatever kind."""
        return self.call("GET", path, headers={"accept": "*/*"}).raw

    def send_file(self, path: str, file: Path, *, kind: str) -> Reply:
        """Put a file as it is, once, on a connection of its own; its length is not said."""
        connection = self._connect(self._timeout_s)
        try:
            with file.open("rb") as body:
                sent = self._headers | {"content-type": kind}
                place = self._parts.path.rstrip("/") + path
                connection.request("PUT", place, body, sent, encode_chunked=True)
                response = connection.getresponse()
                read = _parsed(response.read())
        except _FAILED as error:
            raise Unreachable(self._unreached("PUT", path, error)) from error
        finally:
            connection.close()
        if response.status >= _FIRST_ERROR:
            raise Refused(response.status, read if isinstance(read, dict) else {})
        told = {name.lower(): value for name, value in response.getheaders()}
        return Reply(status=response.status, headers=told, body=read)

    def lines(self, path: str, headers: Mapping[str, str], *, silence_s: float) -> Iterator[str]:
        """Read a stream line by line on a connection of its own."""
        connection = self._connect(silence_s)
        try:
            wanted = self._headers | {"accept": "text/event-stream"} | dict(headers)
            connection.request("GET", self._parts.path.rstrip("/") + path, headers=wanted)
            response = connection.getresponse()
            if response.status >= _FIRST_ERROR:
                raise Refused(response.status, _parsed(response.read()) or {})
            for line in response:
                yield line.decode("utf-8").rstrip("\r\n")
        except _FAILED as error:
            raise Unreachable(self._unreached("GET", path, error)) from error
        finally:
            connection.close()

    def close(self) -> None:
        self._drop()

    def _once(
        self, method: str, path: str, body: object, headers: Mapping[str, str], wait_s: float
    ) -> Reply:
        connection = self._connection()
        if connection.sock is not None:
            connection.sock.settimeout(self._timeout_s + wait_s)
        sent = self._headers | dict(headers)
        payload = None
        if body is not None:
            payload = json.dumps(body, allow_nan=False, default=_written).encode("ascii")
            sent.setdefault("content-type", "application/json")
        connection.request(method, self._parts.path.rstrip("/") + path, payload, sent)
        if connection.sock is not None:
            connection.sock.settimeout(self._timeout_s + wait_s)
        response = connection.getresponse()
        told = {name.lower(): value for name, value in response.getheaders()}
        raw = response.read()
        body = _parsed(raw) if _JSON in told.get("content-type", _JSON) else None
        return Reply(status=response.status, headers=told, body=body, raw=raw)

    def _unreached(self, method: str, path: str, error: Exception) -> str:
        why = getattr(error, "strerror", None) or f"{type(error).__name__} {error}".strip()
        port = f":{self._parts.port}" if self._parts.port else ""
        base = f"{self._parts.scheme}://{self._parts.hostname}{port}"
        return f"no reply from the API at {base} to {method} {path.partition('?')[0]} ({why})"

    def _connection(self) -> http.client.HTTPConnection:
        connection = getattr(self._threads, "connection", None)
        if connection is not None and _is_over(connection):
            self._drop()
            connection = None
        if connection is None:
            connection = self._connect(self._timeout_s)
            self._threads.connection = connection
        assert isinstance(connection, http.client.HTTPConnection)
        return connection

    def _connect(self, timeout_s: float) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)
        return http.client.HTTPConnection(host, port, timeout=timeout_s)

    def _drop(self) -> None:
        connection = getattr(self._threads, "connection", None)
        if connection is not None:
            connection.close()
            self._threads.connection = None


def _is_over(connection: http.client.HTTPConnection) -> bool:
    """Say whether the server has closed a connection meanwhile: all it can still say is its end."""
    if connection.sock is None:
        return False
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def _written(value: object) -> object:
    """Write what JSON has no word for: a time, or a duration in seconds."""
    match value:
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case _:
            raise TypeError(f"{type(value).__name__} cannot be sent as JSON: {value!r}")


def _parsed(body: bytes) -> Any:  # noqa: ANN401 (JSON of any shape)
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None


def _pause(headers: Mapping[str, str]) -> float:
    wish = headers.get("retry-after", "1")
    return min(float(wish) if wish.isdigit() else 1.0, _LONGEST_PAUSE_S)
