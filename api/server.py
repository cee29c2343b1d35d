"""Serves the API: one process, no access log, and a stop that keeps nobody waiting."""

import socket
from collections.abc import Callable
from functools import partial

import uvicorn
from fastapi import FastAPI
from typing_extensions import override

# Idle keep-alive connections; longer than the proxies in front of us, which then close first.
KEEP_ALIVE_S = 75


class Server(uvicorn.Server):
    """Ends long-polls and streams first, so that the graceful stop takes as long as real work."""

    def __init__(self, config: uvicorn.Config, *, end_waiting: Callable[[], None]) -> None:
        super().__init__(config)
        self._end_waiting = end_waiting

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._end_waiting()
        await super().shutdown(sockets)


def make_server(
    app: FastAPI, *, host: str, port: int, grace_s: int = 10, log_level: str = "warning"
) -> Server:
    """Return a server that has not started; `should_exit` ends it from another thread."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,  # our own logging is set up already
        log_level=log_level,
        server_header=False,
        proxy_headers=False,  # nothing here depends on who or what the proxy says it was
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=grace_s,
    )
    return Server(config, end_waiting=partial(_end, app))


def serve(app: FastAPI, *, host: str, port: int, grace_s: int = 10) -> int:
    """Serve until SIGTERM or SIGINT; returns the exit code."""
    server = make_server(app, host=host, port=port, grace_s=grace_s)
    server.run()
    return 0 if server.started else 1


def _end(app: FastAPI) -> None:
    app.state.end_waiting()
