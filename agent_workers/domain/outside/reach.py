"""Which URLs and addresses may be called at all: our own list, not the standard library's."""

import ipaddress
import re
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

LONGEST_URL = 2_048
_FIRST_USER_PORT = 1_024
_LAST_PORT = 65_535
_DEFAULT_PORTS = {"https": 443, "http": 80}
_LONGEST_HOST = 253
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PRIVATE_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home.arpa")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

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
# Where clouds hand a machine's credentials to whoever asks from it: never, whatever is allowed.
_CREDENTIALS = frozenset(
    "169.254.169.254 169.254.169.252 169.254.170.2 169.254.170.23 169.254.42.42 169.254.0.23"
    " 168.63.129.16 100.100.100.200 192.0.0.192 fd00:ec2::254 fd00:ec2::23 fd20:ce::254"
    " fd00:c1::a9fe:a9fe fe80::a9fe:a9fe fd00:42::42".split()
)
# Behind these some networks reach IPv4: the address is in the last 32 bits.
_TRANSLATED_V6 = tuple(
    ipaddress.IPv6Network(block) for block in "64:ff9b::/96 64:ff9b:1::/48 ::/96".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Where one may go: hosts as `api.example.com` or `*.example.com` (none: every public one)."""

    schemes: frozenset[str] = frozenset({"https", "http"})
    hosts: tuple[str, ...] = ()
    private: tuple[Network, ...] = ()  # addresses that are not public, and are allowed all the same

    def allows(self, address: str, port: int) -> bool:
        """Say whether one may connect to this address."""
        return (is_allowed(address) and _is_served(port)) or is_within(address, self.private)

    def named(self, host: str) -> bool:
        """Say whether the list of hosts, if there is one, has this host."""
        return not self.hosts or any(_matches(host, one) for one in self.hosts)


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
        return self.bracketed if self.port == _DEFAULT_PORTS[self.scheme] else self.authority

    @property
    def authority(self) -> str:
        """Host and port, as a proxy wants them."""
        return f"{self.bracketed}:{self.port}"

    @property
    def bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


class Uncallable(ValueError):
    """This URL can never be called; the message says why."""


def networks_of(blocks: Iterable[str]) -> tuple[Network, ...]:
    """Read networks as `10.1.0.0/16`; raises ValueError."""
    return tuple(ipaddress.ip_network(block) for block in blocks)


EVERYWHERE = networks_of(("0.0.0.0/0", "::/0"))


def target_of(url: str, reach: Reach) -> Target:
    """Take a URL apart, or say why nobody could or should ever call it."""
    if len(url) > LONGEST_URL:
        raise Uncallable(f"must have at most {LONGEST_URL} characters")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise Uncallable("must be printable ASCII without spaces (percent-encode the rest)")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Uncallable("is not a URL") from None
    if parts.scheme not in reach.schemes:
        begins = " or ".join(f"{scheme}://" for scheme in sorted(reach.schemes, reverse=True))
        raise Uncallable("must begin with " + begins)
    if "@" in parts.netloc:
        raise Uncallable("must not contain a user name or a password")
    if parts.fragment:
        raise Uncallable("must not contain a fragment")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(
        scheme=parts.scheme,
        host=_checked_host(host or "", reach),
        port=_checked_port(parts.scheme, port, reach),
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


def is_within(address: str, networks: Iterable[Network]) -> bool:
    """Say whether an address lies in one of these networks, and gives away no credentials."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    inner = _wrapped(ip) if isinstance(ip, ipaddress.IPv6Address) else None
    if str(inner or ip).partition("%")[0] in _CREDENTIALS:
        return False
    return any(ip in network for network in networks)


def _wrapped(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that one of IPv6 leads to, where it is known to lead to one."""
    if any(ip in block for block in _TRANSLATED_V6):
        return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip.sixtofour


def is_host_pattern(pattern: str) -> bool:
    """Say whether this can be on a list of hosts."""
    return _is_name(pattern.lower().removeprefix("*.").removesuffix(".")) or is_within(
        pattern, EVERYWHERE
    )


def _matches(host: str, pattern: str) -> bool:
    pattern = pattern.lower().rstrip(".")
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return host == pattern or host == _address(pattern)


def _address(pattern: str) -> str:
    try:
        return str(ipaddress.ip_address(pattern))
    except ValueError:
        return ""


def _checked_port(scheme: str, port: int | None, reach: Reach) -> int:
    if port is None:
        return _DEFAULT_PORTS[scheme]
    if not _is_served(port) and not (reach.private and port):
        raise Uncallable("must use port 443, 80, or one from 1024")
    return port


def _is_served(port: int) -> bool:
    return port in _DEFAULT_PORTS.values() or _FIRST_USER_PORT <= port <= _LAST_PORT


def _checked_host(written: str, reach: Reach) -> str:
    """Return the host as it was judged: whoever connects, or a proxy, is told nothing else."""
    literal = _literal(host := written.removesuffix("."))
    if literal is None and not _is_name(host):
        raise Uncallable("has no valid host")
    if not reach.named(literal or host):
        raise Uncallable(f"names the host {host}, which is not on the list of allowed hosts")
    if literal is not None:
        if not is_allowed(literal) and not is_within(literal, reach.private):
            raise Uncallable("leads to an address that is not public")
        return literal
    is_private = "." not in host or host.endswith(tuple(f".{n}" for n in _PRIVATE_NAMES))
    if is_private and not reach.private:
        raise Uncallable("names a host that is not public")
    return host


def _is_name(host: str) -> bool:
    labels = host.split(".")
    return len(host) <= _LONGEST_HOST and all(_LABEL.fullmatch(label) for label in labels)


def _literal(host: str) -> str | None:
    """Return the address that a host spells out, in any of the forms that resolvers accept."""
    if ":" in host:
        try:
            address = ipaddress.IPv6Address(host)
        except ValueError:
            raise Uncallable("has no valid host") from None
        if address.scope_id is not None:
            raise Uncallable("must not contain an IPv6 zone")
        return str(address)
    try:
        return str(ipaddress.IPv4Address(socket.inet_aton(host)))
    except (OSError, ValueError):
        # No name ends in a number; what looks like an address may be one to somebody else.
        if _NUMBER.fullmatch(host.rpartition(".")[2]):
            raise Uncallable("has no valid host") from None
        return None
