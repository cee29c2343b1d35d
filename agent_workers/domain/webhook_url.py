"""Which URLs may be called at all, and which addresses: our own list, not the standard library's."""

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

LONGEST_URL = 2_048
_FIRST_USER_PORT = 1_024
_LAST_PORT = 65_535
_DEFAULT_PORTS = {"https": 443, "http": 80}
_LONGEST_HOST = 253
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_PRIVATE_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home.arpa")

# Everything that IANA keeps for special purposes, and the address on which Azure answers its own
# machines. `ipaddress.is_private` and `is_global` differ between patch releases of Python.
_REFUSED_V4 = tuple(
    ipaddress.IPv4Network(block)
    for block in (
        "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12"
        " 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15"
        " 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3 168.63.129.16/32"
    ).split()
)
# Of IPv6 only what is handed out to the public; within it, what wraps another address.
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    ipaddress.IPv6Network(block) for block in "2001::/23 2001:db8::/32 2002::/16 3fff::/20".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL taken apart: where to connect, and what to ask for there."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def named(self) -> str:
        """The host as the Host header names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


class Uncallable(ValueError):
    """This URL can never be called; the message says why."""


def target_of(url: str, *, allow_private: bool) -> Target:
    """Take a URL apart, or say why nobody could or should ever call it."""
    if len(url) > LONGEST_URL:
        raise Uncallable(f"must have at most {LONGEST_URL} characters")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise Uncallable("must be printable ASCII without spaces (percent-encode the rest)")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Uncallable("is no URL") from None
    if parts.scheme not in (("https", "http") if allow_private else ("https",)):
        raise Uncallable("must begin with https://")
    if "@" in parts.netloc:
        raise Uncallable("must not hold a user name or a password")
    if parts.fragment:
        raise Uncallable("must not hold a fragment")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(
        scheme=parts.scheme,
        host=_checked_host(host or "", allow_private=allow_private),
        port=_checked_port(parts.scheme, port, allow_private=allow_private),
        path=path,
    )


def is_allowed(address: str) -> bool:
    """Say whether an address is one that the public can reach."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return not any(ip in block for block in _REFUSED_V4)
    return (
        ip.scope_id is None and ip in _GLOBAL_V6 and not any(ip in block for block in _REFUSED_V6)
    )


def _checked_port(scheme: str, port: int | None, *, allow_private: bool) -> int:
    if port is None:
        return _DEFAULT_PORTS[scheme]
    served = port in _DEFAULT_PORTS.values() or _FIRST_USER_PORT <= port <= _LAST_PORT
    if not served and not (allow_private and port):
        raise Uncallable("must use port 443, 80, or one from 1024")
    return port


def _checked_host(host: str, *, allow_private: bool) -> str:
    literal = _literal(host)
    if literal is None and not _is_name(host):
        raise Uncallable("names no host")
    if allow_private:
        return host
    if literal is not None and not is_allowed(literal):
        raise Uncallable("leads to an address that is not public")
    name = host.rstrip(".")
    if literal is None and (
        "." not in name or name.endswith(tuple(f".{n}" for n in _PRIVATE_NAMES))
    ):
        raise Uncallable("names a host that is not public")
    return host


def _is_name(host: str) -> bool:
    labels = host.removesuffix(".").split(".")
    return len(host) <= _LONGEST_HOST and all(_LABEL.fullmatch(label) for label in labels)


def _literal(host: str) -> str | None:
    """Return the address that a host spells out, in any of the forms that resolvers accept."""
    if ":" in host:
        try:
            return str(ipaddress.IPv6Address(host))
        except ValueError:
            raise Uncallable("names no host") from None
    try:
        return str(ipaddress.IPv4Address(socket.inet_aton(host)))
    except (OSError, ValueError):
        return None
