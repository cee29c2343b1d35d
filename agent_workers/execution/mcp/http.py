"""A server behind a URL: each request is one call through the guard, its answer JSON or events."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from itertools import count
from typing import Final

from agent_workers.domain.outside.http import (
    Http,
    HttpAnswer,
    HttpBounds,
    HttpRequest,
    NoAnswer,
    NotCallable,
    NotSent,
)
from agent_workers.execution.mcp.messages import (
    MOST_BYTES,
    Answered,
    Asked,
    Failed,
    Incoming,
    Told,
    notification,
    read,
    request,
)
from agent_workers.execution.mcp.ports import Left, OnTold, Result
from agent_workers.execution.mcp.troubles import (
    Died,
    Garbled,
    Hung,
    TooMuch,
    Trouble,
    TurnedAway,
    Unreachable,
)

_SESSION: Final = "mcp-session-id"
_LONGEST_SESSION: Final = 1_024
_OK, _REDIRECTS, _GONE = range(200, 300), range(300, 400), 404
# The server, or what stands before it, did not take the call for one at all.
_NOT_TAKEN: Final = frozenset({400, 401, 403, 404, 405, 406, 411, 413, 415, 429})
_FAREWELL_S: Final = 2.0


class Address:
    """A session with a server over streamable HTTP; each call has a connection of its own."""

    def __init__(self, http: Http, url: str, headers: Mapping[str, str], on_told: OnTold) -> None:
        self._http = http
        self._url = url
        self._headers = dict(headers)
        self._on_told = on_told
        self._numbers = count(1)
        self._lock = threading.Lock()
        self._session = ""
        self._protocol = ""
        self._is_open = True

    @property
    def is_open(self) -> bool:
        return self._is_open

    def ask(self, method: str, params: Mapping[str, object], left: Left) -> Result:
        with self._lock:
            number = next(self._numbers)
        answer = self._sent("POST", request(number, method, params), left)
        if answer.status not in _OK:
            raise self._objection(answer, number)
        if answer.cut:
            raise TooMuch(f"it answered more than {MOST_BYTES >> 20} MiB", was_sent=True)
        given = answer.headers.get(_SESSION, "")
        if given and len(given) <= _LONGEST_SESSION:
            self._session = given
        return self._found(answer, number)

    def tell(self, method: str, left: Left) -> None:
        answer = self._sent("POST", notification(method), left)
        if answer.status not in _OK:
            raise Unreachable(f"it answered {answer.status} to {method}")

    def agree(self, protocol: str) -> None:
        self._protocol = protocol

    def close(self) -> None:
        """Tell the server that the session is over, if it gave us one; it may say no."""
        was_open, self._is_open = self._is_open, False
        if was_open and self._session:
            with suppress(Trouble):
                self._sent("DELETE", b"", lambda: _FAREWELL_S)

    def _sent(self, method: str, body: bytes, left: Left) -> HttpAnswer:
        within = left()
        if within <= 0:
            raise Hung("no time was left to send it")
        headers = {**self._headers, "accept": "application/json, text/event-stream"}
        if body:
            headers["content-type"] = "application/json"
        if self._session:
            headers[_SESSION] = self._session
        if self._protocol:
            headers["mcp-protocol-version"] = self._protocol
        asked = HttpRequest(method=method, url=self._url, headers=headers, body=body)
        bounds = HttpBounds(within=timedelta(seconds=within), most_bytes=MOST_BYTES, redirects=0)
        try:
            return self._http(asked, bounds)
        except (NotSent, NotCallable) as error:
            raise Unreachable(str(error)) from None
        except NoAnswer as error:
            raise Died(str(error), was_sent=True) from None

    def _objection(self, answer: HttpAnswer, number: int) -> Trouble:
        if answer.status == _GONE and self._session:
            # The session ended at the other side: the next call begins another.
            self._is_open = False
            return Unreachable("the server has ended the session")
        if answer.status in _REDIRECTS:
            return Unreachable("it answered with a redirect, and redirects are not followed")
        with suppress(Garbled):
            for message in _messages(answer):
                if isinstance(message, Failed) and message.number in {None, number}:
                    return TurnedAway(message.error, message.message)
        if answer.status in _NOT_TAKEN:
            return Unreachable(f"it answered {answer.status}")
        return Died(f"it answered {answer.status}", was_sent=True)

    def _found(self, answer: HttpAnswer, number: int) -> Result:
        for message in _messages(answer):
            match message:
                case Answered(number=of, result=result) if of == number:
                    return result
                case Failed(number=of, error=error, message=words) if of in {None, number}:
                    raise TurnedAway(error, words)
                case Told(method=method):
                    self._on_told(method)
                case Answered() | Failed() | Asked():
                    pass
        if answer.broken:
            raise Hung("it did not finish its answer in time", was_sent=True)
        raise Garbled("its answer has no reply to this request", was_sent=True)


def _messages(answer: HttpAnswer) -> Iterator[Incoming]:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "text/event-stream":
        for line in _events(answer.body):
            yield _read(line)
    elif kind == "application/json":
        yield _read(answer.body)
    else:
        raise Garbled(f"it answered with the content type {kind or 'none'}", was_sent=True)


def _read(written: bytes) -> Incoming:
    try:
        return read(written)
    except Garbled as error:
        raise Garbled(str(error), was_sent=True) from None


def _events(body: bytes) -> Iterator[bytes]:
    """Return the data of each whole event; one that was cut off in the middle is none."""
    whole = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n")[:-1]
    for event in whole:
        lines = [line for line in event.split(b"\n") if line.startswith(b"data:")]
        data = b"\n".join(line[5:].removeprefix(b" ") for line in lines)
        if data.strip():
            yield data
