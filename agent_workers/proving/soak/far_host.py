"""Leads the servers of this machine's loopback to a far host."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from agent_workers.proving.outside.far_host import FarHost
from agent_workers.proving.trials.wire import Wires


@contextmanager
def reachable(host: FarHost, wires: Wires, url: str) -> Iterator[str]:
    """Lead a server of this machine's loopback to the far host; the same URL as seen from there."""
    place = urlsplit(url)
    assert place.hostname is not None
    assert place.port is not None
    with wires.laid(place.hostname, place.port, at=0, how=None, address=host.address) as wire:
        here = f"{place.hostname}:{place.port}"
        yield url.replace(here, f"{host.address}:{wire.own_port}")
