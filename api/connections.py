"""One connection: how much its client may send as a head, and how long it may keep us waiting."""

import asyncio
from enum import Enum
from math import inf
from typing import Any

import uvicorn
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from api.crowd import Crowd, address_of
from api.patience import Patience
from api.problems import MEDIA_TYPE, Problem

# Who took nothing of a reply for so long is not in a hurry.
_STALLED_S = 3.0


class Phase(Enum):
    """What a connection is about; its order is the one in which we would rather lose it."""

    IDLE = 0  # between two requests
    HEAD = 1  # of a request, or waiting for the first one
    BODY = 2
    OURS = 3  # everything was sent: the next word is ours


class Connection(HttpToolsProtocol):
    """Uvicorn's protocol with an end to waiting.

    Time is counted in looks, not read from a clock: while we are frozen ourselves, nobody is late.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        # Any: uvicorn's own.
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        crowd: Crowd["Connection"],
        patience: Patience,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.address = ""
        self.waited_s = 0.0
        self.unsent = 0  # at the last look
        self._crowd = crowd
        self._patience = patience
        self._phase = Phase.HEAD
        self._received = 0  # of the head or the body that is under way
        self._unread_s = 0.0
        self._unsent = 0  # the most that waited to be sent since the client last took any of it
        self._refusal: Problem | None = None

    @property
    def rank(self) -> int | None:
        """Say how dear this connection is to us; None while its next word is ours."""
        if self._phase is Phase.BODY or self._unread_s > _STALLED_S:
            return Phase.BODY.value
        return None if self._is_answering else self._phase.value

    def look(self, seconds: float) -> str | None:
        """Let time pass; end the connection when its client took too long, and say at what."""
        self._count_unread(seconds)
        if self._unread_s > self._patience.time_for(self._patience.reply_s, self._unsent):
            self.end()
            return "unread"
        # A body that we do not read now is not late.
        if self._phase is not Phase.OURS and not self.flow.read_paused:
            self.waited_s += seconds
        if self.transport.is_closing() or self.waited_s <= self._allowed_s:
            return None
        if self._phase is Phase.BODY or self._received:
            self._refuse(_too_slow())
            return "slow"
        self.end()  # a reply would be taken for one to the next request
        return None

    def end(self) -> None:
        """Close without a word; what was not sent is thrown away."""
        self._crowd.leave(self)
        self.transport.abort()

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.address = address_of(self.client[0]) if self.client else ""
        if not self._crowd.join(self):
            self._refuse(_too_many())

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._crowd.leave(self)
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._phase is Phase.IDLE:
            self._begin(Phase.HEAD)
        while data and self._in_head() and not self.transport.is_closing():
            room = self._patience.head_bytes - self._received
            part, data = data[:room], data[room:]
            super().data_received(part)
            self._received += len(part) if self._in_head() else 0
            if self._in_head() and data:
                self._refuse(_too_large())
        if data and not self.transport.is_closing():
            super().data_received(data)

    @override
    def resume_writing(self) -> None:
        self._unread_s, self._unsent = 0.0, 0
        super().resume_writing()

    @override
    def send_400_response(self, msg: str) -> None:
        if self._refusal is None:
            super().send_400_response(msg)
        else:
            self._refuse(self._refusal)

    @override
    def on_message_begin(self) -> None:
        if self._phase is not Phase.HEAD:
            self._begin(Phase.HEAD)
        super().on_message_begin()

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        if len(self.headers) > self._patience.headers:
            self._refusal = _too_large()
            raise self._refusal

    @override
    def on_headers_complete(self) -> None:
        self._begin(Phase.BODY)
        super().on_headers_complete()
        if len(self.pipeline) > self._patience.pipelined:
            self._refusal = _too_many()
            raise self._refusal

    @override
    def on_body(self, body: bytes) -> None:
        self._received += len(body)
        super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        self._begin(Phase.OURS if self._is_answering else Phase.IDLE)
        super().on_message_complete()

    @override
    def on_response_complete(self) -> None:
        if self._phase is Phase.OURS and not self.pipeline:
            self._begin(Phase.IDLE)
        super().on_response_complete()

    def _in_head(self) -> bool:
        return self._phase is Phase.HEAD

    @property
    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # uvicorn's own type leaves None out
        return cycle is not None and not cycle.response_complete

    @property
    def _allowed_s(self) -> float:
        match self._phase:
            case Phase.IDLE:
                return self._patience.idle_s
            case Phase.HEAD:
                return inf if self._is_answering else self._patience.head_s
            case Phase.BODY:
                return self._patience.time_for(self._patience.body_s, self._received)
            case Phase.OURS:
                return inf

    def _begin(self, phase: Phase) -> None:
        self._phase, self._received, self.waited_s = phase, 0, 0.0

    def _count_unread(self, seconds: float) -> None:
        self.unsent = self.transport.get_write_buffer_size()
        self._unread_s = self._unread_s + seconds if self.unsent else 0.0
        self._unsent = max(self._unsent, self.unsent) if self.unsent else 0

    def _refuse(self, problem: Problem) -> None:
        """Say why, where no reply is under way, and close."""
        if self._is_answering and self.cycle.response_started:
            self.end()
            return
        if self._is_answering:
            # Whoever answers finds the client gone.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        body = problem.to_bytes(request_id="", instance="")
        lines = [STATUS_LINE[problem.status], b"content-type: ", MEDIA_TYPE, b"\r\n"]
        for name, value in problem.to_headers():
            lines += [name, b": ", value, b"\r\n"]
        lines += [b"content-length: %d\r\nconnection: close\r\n\r\n" % len(body), body]
        self.transport.write(b"".join(lines))
        self.transport.close()


def _too_slow() -> Problem:
    return Problem(code="request_timeout", detail="The request did not arrive in time.")


def _too_large() -> Problem:
    return Problem(code="head_too_large", detail="The request has too many or too large headers.")


def _too_many() -> Problem:
    return Problem(code="too_many_connections", detail="There are too many connections.")
