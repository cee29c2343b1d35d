"""A wire that can be cut: a TCP proxy that counts chunks and breaks off at the chosen one."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from agent_workers.embedded.ports import LOOPBACK

_CHUNK = 1 << 16
_RESET = struct.pack("ii", 1, 0)


class Cut(StrEnum):
    """Where the wire breaks, seen from the chunk that the client sends."""

    BEFORE = "before"
    HALF = "half"
    # It arrived, and whatever it asked for was done: only the answer is lost.
    AFTER = "after"


@dataclass(slots=True, kw_only=True)
class Wire:
    """One trial's way to a server; breaks once, then stays whole."""

    host: str
    port: int
    at: int
    how: Cut | None
    chunks: int = 0
    is_cut: threading.Event = field(default_factory=threading.Event)
    own_port: int = 0
    # Where it is entered.
    address: str = LOOPBACK

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection(self.host, self.port)
        except OSError:
            _break(writer)
            return
        answering = asyncio.ensure_future(_pass_on(there_reader, writer))
        try:
            while chunk := await reader.read(_CHUNK):
                self.chunks += 1
                if self.how is not None and self.chunks == self.at:
                    await self._cut(chunk, there_reader, there_writer, answering)
                    return
                there_writer.write(chunk)
                await there_writer.drain()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            answering.cancel()
            _break(writer)
            _break(there_writer)

    async def _cut(
        self,
        chunk: bytes,
        there_reader: asyncio.StreamReader,
        there_writer: asyncio.StreamWriter,
        answering: "asyncio.Future[None]",
    ) -> None:
        answering.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await answering
        if self.how is Cut.HALF:
            there_writer.write(chunk[: len(chunk) // 2])
            await there_writer.drain()
        if self.how is Cut.AFTER:
            there_writer.write(chunk)
            await there_writer.drain()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(there_reader.read(_CHUNK), 1.0)
        self.is_cut.set()


class Wires:
    """Runs all wires of a proof in one thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wires", daemon=True)
        self._thread.start()

    @contextmanager
    def laid(
        self, host: str, port: int, *, at: int, how: Cut | None, address: str = LOOPBACK
    ) -> Iterator[Wire]:
        wire = Wire(host=host, port=port, at=at, how=how, address=address)
        server = asyncio.run_coroutine_threadsafe(_listen(wire), self._loop).result(10)
        try:
            yield wire
        finally:
            self._loop.call_soon_threadsafe(server.close)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(_end_all(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


async def _end_all() -> None:
    """Leave no connection open behind us."""
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def _listen(wire: Wire) -> asyncio.Server:
    server = await asyncio.start_server(wire.carry, wire.address, 0)
    wire.own_port = server.sockets[0].getsockname()[1]
    return server


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
    _break(writer)


def _break(writer: asyncio.StreamWriter) -> None:
    """Send a reset, so that the other end learns of it at once."""
    wire = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        if wire is not None:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.close()
