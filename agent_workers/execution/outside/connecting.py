"""Connects to a host by an address that was checked, and by no other."""

import queue
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from typing import Any

from agent_workers.domain.outside.reach import Reach, Target

# What `socket.getaddrinfo` gives. Any: its last member differs between families.
Found = Sequence[tuple[Any, Any, int, str, tuple[Any, ...]]]
Resolve = Callable[[str, int], Found]
Left = Callable[[], float]
_MOST_ADDRESSES = 3


class AddressRefused(OSError):
    """One of the host's addresses may not be called: it is not called at any of them."""


def resolved(host: str, port: int) -> Found:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def in_time(resolve: Resolve, left: Left) -> Resolve:
    """Resolve for no longer than is left: a name server that is silent takes half a minute."""

    def ask(host: str, port: int, answers: "queue.SimpleQueue[Found | Exception]") -> None:
        try:
            answers.put(resolve(host, port))
        except (OSError, ValueError) as error:
            answers.put(error)

    def resolve_in_time(host: str, port: int) -> Found:
        answers: queue.SimpleQueue[Found | Exception] = queue.SimpleQueue()
        threading.Thread(target=ask, args=(host, port, answers), daemon=True).start()
        try:
            found = answers.get(timeout=left())
        except queue.Empty:
            raise TimeoutError from None
        if isinstance(found, Exception):
            raise found
        return found

    return resolve_in_time


def checked(target: Target, resolve: Resolve, reach: Reach) -> Found:
    """Resolve once; every answer must be allowed, or a name could lead us anywhere."""
    found = resolve(target.host, target.port)
    if not found:
        raise OSError("the host name has no address")
    for *_, place in found:
        if not reach.allows(str(place[0]), target.port):
            raise AddressRefused(
                f"{target.host} leads to {place[0]} port {target.port}, which is not public"
            )
    return found[:_MOST_ADDRESSES]


def connected(
    target: Target, found: Found, *, context: ssl.SSLContext, left: Left
) -> socket.socket:
    """Connect to the first of these addresses that takes us; TLS knows the host by its name."""
    failure: OSError | None = None
    for family, kind, protocol, _, place in found:
        opened = socket.socket(family, kind, protocol)
        try:
            opened.settimeout(left())
            opened.connect(place)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if target.scheme == "http":
                return opened
            return context.wrap_socket(opened, server_hostname=target.host)
        except OSError as error:
            opened.close()
            failure = error
            if isinstance(error, TimeoutError) and left() <= 0:
                break
    raise failure or OSError("the host name has no address")
