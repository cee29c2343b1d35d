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

from api.problems import MEDIA_TYPE, Problem
from api.process.crowd import Crowd, address_of
from api.process.flow import Flow
from api.process.patience import Patience
from api.process.refusals import no_trailers, too_large, too_many, too_slow
from api.process.unanswered import Unanswered

# The parser cannot be stopped within what it is given, so that is cut where a head may end, but not
# into less than so much: some 57 of the shortest requests.
_LEAST_PART = 1024
_END_OF_HEAD = b"\r\n\r\n"
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
        self._received = 0  # of the body that is under way
        self._bare = 0  # what came since the last of a body did, or since this phase began
        self._rest = b""  # arrived, and not given to the parser yet
        self._unanswered = Unanswered()
        self._unread_s = 0.0
        self._unsent = 0  # the most that waited to be sent since the client last took any of it
        self._refusal: Problem | None = None

    @property
    def rank(self) -> int | None:
        """Say how dear this connection is to us; None while its next word is ours."""
        if self._phase is Phase.BODY or self._unread_s > _STALLED_S:
            return Phase.BODY.value
        return None if self._is_answering else self._phase.value

    @property
    def arrived(self) -> int:
        """Return how much we hold of what the client sent, in bytes."""
        return self._unanswered.total + self._bare + len(self._rest)

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
        if self._phase is Phase.BODY or self._bare:
            self._refuse(too_slow())
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
        self.flow = self._flow = Flow(transport)
        self.address = address_of(self.client[0]) if self.client else ""
        if not self._crowd.join(self):
            self._refuse(too_many())

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._crowd.leave(self)
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        self._rest += data
        self._parse()

    @override
    def resume_writing(self) -> None:
        self._unread_s, self._unsent = 0.0, 0
        super().resume_writing()

    @override
    def send_400_response(self, msg: str) -> None:
        if self._is_behind_another:
            self.end()
        elif self._refusal is None:
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
        if self._phase is Phase.BODY:
            self._refusal = no_trailers()
            raise self._refusal
        super().on_header(name, value)
        if len(self.headers) > self._patience.headers:
            self._refusal = too_large()
            raise self._refusal

    @override
    def on_headers_complete(self) -> None:
        self._begin(Phase.BODY)
        super().on_headers_complete()
        headers = sum(len(name) + len(value) for name, value in self.headers)
        self._unanswered.begin(len(self.url) + headers)

    @override
    def on_body(self, body: bytes) -> None:
        self._received += len(body)
        self._bare = 0
        if self._is_answering:
            self._unanswered.add(len(body))
        super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        self._begin(Phase.OURS if self._is_answering else Phase.IDLE)
        super().on_message_complete()

    @override
    def on_response_complete(self) -> None:
        if self._phase is Phase.OURS and not self.pipeline:
            self._begin(Phase.IDLE)
        self._unanswered.end_first()
        super().on_response_complete()
        self._parse()

    def _parse(self) -> None:
        """Give the parser what arrived, in parts; hold the rest back behind too many requests."""
        start, end = 0, len(self._rest)
        most = self._patience.pipelined
        while start < end and len(self.pipeline) < most and not self.transport.is_closing():
            if self._phase is Phase.IDLE:
                self._begin(Phase.HEAD)
            room = self._patience.head_bytes - self._bare
            if room <= 0:
                self._refuse(too_large())
                break
            cut = self._rest.find(_END_OF_HEAD, start + _LEAST_PART, start + room)
            part = self._rest[start : cut if cut > 0 else start + room]
            start += len(part)
            self._bare += len(part)
            super().data_received(part)
        self._rest = b"" if self.transport.is_closing() else self._rest[start:]
        self._flow.is_held = bool(self._rest)
        if self._rest:
            self._flow.pause_reading()

    @property
    def _is_behind_another(self) -> bool:
        """Say whether what comes now has to wait for the reply to a request before it."""
        return bool(self.pipeline) or (self._is_answering and self._phase is not Phase.BODY)

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
        self._phase, self._received, self._bare, self.waited_s = phase, 0, 0, 0.0

    def _count_unread(self, seconds: float) -> None:
        self.unsent = self.transport.get_write_buffer_size()
        self._unread_s = self._unread_s + seconds if self.unsent else 0.0
        self._unsent = max(self._unsent, self.unsent) if self.unsent else 0

    def _refuse(self, problem: Problem) -> None:
        """Say why, where it cannot be taken for a part of another reply, and close."""
        if self._is_behind_another or (self._is_answering and self.cycle.response_started):
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
