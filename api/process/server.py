"""Serves the API: one process, no access log, and a stop that keeps nobody waiting."""

import signal
import socket
from collections.abc import Callable
from functools import partial

import uvicorn
from fastapi import FastAPI
from typing_extensions import override
from uvicorn.server import HANDLED_SIGNALS

from api.process.connections import Connection
from api.process.crowd import Bounds, Crowd
from api.process.patience import Patience

_BOUNDS, _PATIENCE = Bounds(), Patience()
_TICKS_A_SECOND = 10  # uvicorn's


class Server(uvicorn.Server):
    """Ends long-polls and streams first, so that the graceful stop takes as long as real work."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        crowd: Crowd[Connection],
        look_every_s: float,
        end_waiting: Callable[[], None],
    ) -> None:
        super().__init__(config)
        self._crowd = crowd
        self._look_every_s = look_every_s
        self._end_waiting = end_waiting

    @override
    async def on_tick(self, counter: int) -> bool:
        if counter % round(self._look_every_s * _TICKS_A_SECOND) == 0:
            self._crowd.look(self._look_every_s)
        return await super().on_tick(counter)

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._end_waiting()
        await super().shutdown(sockets)


def make_server(
    app: FastAPI,
    *,
    host: str,
    port: int,
    grace_s: int = 10,
    bounds: Bounds = _BOUNDS,
    patience: Patience = _PATIENCE,
) -> Server:
    """Return a server that has not started; `should_exit` ends it from another thread."""
    crowd: Crowd[Connection] = Crowd(bounds)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        # It makes a protocol, as the class would.
        http=partial(Connection, crowd=crowd, patience=patience),  # type: ignore[arg-type]
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,  # our own logging is set up already
        log_level="warning",
        server_header=False,
        proxy_headers=False,  # nothing here depends on who or what the proxy says it was
        timeout_keep_alive=round(patience.idle_s),
        timeout_graceful_shutdown=grace_s,
    )
    every_s = patience.look_every_s
    return Server(config, crowd=crowd, look_every_s=every_s, end_waiting=partial(_end, app))


def serve(app: FastAPI, *, host: str, port: int, grace_s: int, bounds: Bounds) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code."""
    server = make_server(app, host=host, port=port, grace_s=grace_s, bounds=bounds)
    for number in HANDLED_SIGNALS:
        # It sends them again when it has stopped for them, and they would end us as if it had not.
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
    server.run()
    return 0 if server.started else 1


def _end(app: FastAPI) -> None:
    app.state.end_waiting()
