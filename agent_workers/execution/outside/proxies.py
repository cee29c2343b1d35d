"""The HTTP proxy that calls go out through, when the installation has one."""

import base64
import re
import socket
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from agent_workers.domain.outside.reach import Target
from agent_workers.execution.outside.connecting import Left

_LONGEST_HEAD = 16 * 1_024
_TAKEN = re.compile(rb"\AHTTP/1\.[01] 2\d\d[ \r]")


class ProxyRefused(OSError):
    """The proxy does not let us through to this host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """It looks names up itself, so it is the proxy that has to refuse private addresses."""

    host: str
    port: int
    authorization: str = field(default="", repr=False)

    @property
    def target(self) -> Target:
        return Target(scheme="http", host=self.host, port=self.port, path="/")

    def open_tunnel(self, connection: socket.socket, target: Target, left: Left) -> None:
        """Ask for a connection through to the target."""
        lines = [f"CONNECT {target.authority} HTTP/1.1", f"host: {target.authority}"]
        if self.authorization:
            lines.append(f"proxy-authorization: {self.authorization}")
        connection.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
        head = _head(connection, left)
        if not _TAKEN.match(head):
            said = head.partition(b"\r\n")[0][:100].decode("ascii", "replace")
            raise ProxyRefused(f"the proxy said {said!r}")


def proxy_of(url: str) -> Proxy | None:
    """Read AGENT_EGRESS_PROXY; raises ValueError."""
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError("must be a URL such as http://host:3128")
    given = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    encoded = base64.b64encode(given.encode()).decode("ascii")
    return Proxy(
        host=parts.hostname,
        port=parts.port or 3128,
        authorization=f"Basic {encoded}" if given != ":" else "",
    )


def _head(connection: socket.socket, left: Left) -> bytes:
    """Read up to the end of the head and no further: what follows belongs to the tunnel."""
    got = b""
    while not got.endswith(b"\r\n\r\n"):
        connection.settimeout(left())
        byte = connection.recv(1)
        if not byte or len(got) > _LONGEST_HEAD:
            raise ProxyRefused("the answer of the proxy is not HTTP")
        got += byte
    return got
