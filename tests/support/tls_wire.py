"""TLS in front of a server that has none: what it decrypts it forwards to a port."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agent_workers.embedded.ports import LOOPBACK


@contextmanager
def tls_in_front_of(port: int, certificate: Path) -> Iterator[int]:
    """Give the port that speaks TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    loop = asyncio.new_event_loop()

    async def forward(here: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        there, on = await asyncio.open_connection(LOOPBACK, port)
        await asyncio.gather(_pump(here, on), _pump(there, back))

    server = loop.run_until_complete(asyncio.start_server(forward, LOOPBACK, 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    yield int(server.sockets[0].getsockname()[1])
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    server.close()
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError, ssl.SSLError):
        while got := await source.read(65_536):
            sink.write(got)
            await sink.drain()
    sink.close()
