"""Where mail is sent and looked up, as URLs say it: `smtps://user:password@host`, and how sure."""

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from agent_workers.domain.tools.facility import NotInstalled

_PORTS = {
    "smtp": 25,
    "smtp+starttls": 587,
    "smtps": 465,
    "imap": 143,
    "imap+starttls": 143,
    "imaps": 993,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """`folder`: where an IMAP server files all that was sent."""

    host: str
    port: int
    starts_tls: bool
    is_tls: bool
    user: str = ""
    password: str = field(default="", repr=False)
    folder: str = ""


def mail_server(url: str, setting: str) -> MailServer:
    """Read a URL; a password goes over no line that others can read."""
    if not url:
        raise NotInstalled(f"no mail can be sent: {setting} is not set")
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise NotInstalled(
            f"{setting} is not the URL of a mail server, such as smtps://user:password@host or imaps://…"
        )
    server = MailServer(
        host=parts.hostname,
        port=parts.port or _PORTS[parts.scheme],
        starts_tls=parts.scheme.endswith("+starttls"),
        is_tls=parts.scheme.endswith("s") and "+" not in parts.scheme,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        folder=unquote(parts.path.strip("/")) or "Sent",
    )
    if server.user and not (server.is_tls or server.starts_tls or _is_here(server.host)):
        raise NotInstalled(f"{setting} would send its password unencrypted: use TLS")
    return server


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
