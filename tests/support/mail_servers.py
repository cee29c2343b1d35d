"""A real SMTP and a real IMAP server of this host: what the one takes, the other has in `Sent`."""

import asyncio
import imaplib
import threading
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field

import aiosmtpd.smtp
from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.dict import DictBackend
from pymap.imap import IMAPServer, IMAPService
from pysasl.hashing import Cleartext

_USER, _PASSWORD = "us", "secret word"


@dataclass(kw_only=True)
class Mail:
    """`behaviour` says how the next messages are met; what was filed is in the IMAP server."""

    smtp_port: int = 0
    imap_port: int = 0
    # What is answered at a point: `RCPT`, `DATA` or `END`; `None`: the line goes dead instead.
    behaviour: dict[str, str | None] = field(default_factory=dict)
    files: bool = True
    taken: list[tuple[list[str], bytes]] = field(default_factory=list)

    @property
    def smtp_url(self) -> str:
        return f"smtp://127.0.0.1:{self.smtp_port}"

    @property
    def imap_url(self) -> str:
        return f"imap://{_USER}:{_PASSWORD.replace(' ', '%20')}@127.0.0.1:{self.imap_port}/Sent"

    def file(self, message: bytes) -> None:
        with self._imap() as imap:
            imap.append("Sent", "", "", message)

    def make_folder(self) -> None:
        with self._imap() as imap:
            imap.create("Sent")

    @contextmanager
    def _imap(self) -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4("127.0.0.1", self.imap_port, timeout=10) as imap:
            imap.login(_USER, _PASSWORD)
            yield imap


class _Taking:
    """Hooks of aiosmtpd, which calls them by these names."""

    def __init__(self, mail: Mail) -> None:
        self._mail = mail

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: ARG002, N802
        said = await self._said(server, "RCPT:" + address, "RCPT")
        if said == "250 OK":
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server, session, envelope):  # noqa: ARG002, N802
        said = await self._said(server, "DATA")
        if said == "250 OK":
            self._mail.taken.append((list(envelope.rcpt_tos), envelope.content))
            if self._mail.files:
                await asyncio.to_thread(self._mail.file, envelope.content)
            said = await self._said(server, "END")
        return said

    async def _said(self, server, *points: str) -> str:
        for point in points:
            if point in self._mail.behaviour:
                said = self._mail.behaviour[point]
                if said is None:
                    server.transport.abort()
                return said or "451 gone"
        return "250 OK"


@contextmanager
def serving_mail() -> Iterator[Mail]:
    """Serve both on free ports until the end of the block."""
    mail, ready = Mail(), threading.Event()
    loop = asyncio.new_event_loop()
    ended = asyncio.Event()

    async def serve() -> None:
        async with AsyncExitStack() as stack:
            await _start(mail, stack)
            ready.set()
            await ended.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        mail.make_folder()
        yield mail
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(10)
        loop.close()


async def _start(mail: Mail, stack: AsyncExitStack) -> None:
    loop = asyncio.get_running_loop()
    smtp = await loop.create_server(
        lambda: aiosmtpd.smtp.SMTP(_Taking(mail), hostname="mail.test", loop=loop),
        "127.0.0.1",
        0,
    )
    stack.callback(smtp.close)
    mail.smtp_port = smtp.sockets[0].getsockname()[1]
    parser = ArgumentParser()
    parser.set_defaults(debug=False, passlib_cfg=None)
    DictBackend.add_subparser("dict", parser.add_subparsers())
    IMAPService.add_arguments(parser)
    # A hash worth its name takes a third of a second at every login.
    backend, config = await DictBackend.init(
        parser.parse_args(["--no-tls", "dict", "--demo-user", _USER, "--demo-password", _PASSWORD]),
        hash_context=Cleartext(),
    )
    config.apply_context()
    server = IMAPServer(backend.login, config)
    imap = await asyncio.start_server(
        ProxyProtocolReader(config.proxy_protocol).get_callback(server), "127.0.0.1", 0
    )
    stack.callback(imap.close)
    mail.imap_port = imap.sockets[0].getsockname()[1]
