"""All connections of this process: how many there may be, who goes first, and what they hold."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import nsmallest
from ipaddress import IPv6Address
from typing import Generic, Protocol, TypeVar

import structlog

log = structlog.get_logger(__name__)

# Room is made for a part of all at once: in a flood we do not look at everybody for each newcomer.
_PART = 32


class Member(Protocol):
    """A connection, as far as the crowd looks at it."""

    address: str
    waited_s: float
    unsent: int

    @property
    def arrived(self) -> int: ...

    @property
    def rank(self) -> int | None: ...

    def look(self, seconds: float) -> str | None: ...

    def end(self) -> None: ...


M = TypeVar("M", bound=Member)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What all connections together may be and hold, in bytes of requests and of replies."""

    connections: int = 2_048
    per_address: int = 1_024
    arrived: int = 256 * 1024 * 1024
    unsent: int = 256 * 1024 * 1024


class Crowd(Generic[M]):
    """Whoever waits for a client that does nothing makes room for one that does something."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._members: set[M] = set()
        self._of_address: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()

    def join(self, newcomer: M) -> bool:
        """Count a new connection in; false when there is no room and none could be made."""
        address = newcomer.address
        if self._of_address[address] >= self._bounds.per_address:
            self._make_room(member for member in self._members if member.address == address)
        if len(self._members) >= self._bounds.connections:
            self._make_room(iter(self._members))
        full = (
            self._of_address[address] >= self._bounds.per_address
            or len(self._members) >= self._bounds.connections
        )
        if full:
            self._ended["refused"] += 1
            return False
        self._members.add(newcomer)
        self._of_address[address] += 1
        return True

    def leave(self, member: M) -> None:
        if member in self._members:
            self._members.remove(member)
            self._of_address[member.address] -= 1
            if not self._of_address[member.address]:
                del self._of_address[member.address]

    def look(self, seconds: float) -> None:
        """Let time pass for all, and end those that hold the most when all hold too much."""
        for member in tuple(self._members):
            late = member.look(seconds)
            if late is not None:
                self._ended[late] += 1
        self._free_memory("arrived", self._bounds.arrived, lambda member: member.arrived)
        self._free_memory("unsent", self._bounds.unsent, lambda member: member.unsent)
        if self._ended:
            log.warning("connections_ended", open=len(self._members), **self._ended)
            self._ended.clear()

    def _make_room(self, among: Iterator[M]) -> None:
        """End who can best be spared: of the address that has most, and has done least for longest."""
        spared = ((self._spared(member), member) for member in among if member.rank is not None)
        wanted = max(1, self._bounds.connections // _PART)
        for _, member in nsmallest(wanted, spared, key=lambda one: one[0]):
            member.end()
            self._ended["made_room"] += 1

    def _spared(self, member: M) -> tuple[int, int, float]:
        return -self._of_address[member.address], member.rank or 0, -member.waited_s

    def _free_memory(self, why: str, most: int, size_of: Callable[[M], int]) -> None:
        """End the largest of the address that holds most, first those that we wait for."""
        held = {member: size_of(member) for member in self._members}
        total = sum(held.values())
        if total <= most:
            return
        of_address: Counter[str] = Counter()
        for member, size in held.items():
            of_address[member.address] += size

        def order(member: M) -> tuple[int, bool, int]:
            return -of_address[member.address], member.rank is None, -held[member]

        for member in sorted(held, key=order):
            if total <= most:
                return
            member.end()
            total -= held[member]
            self._ended[why] += 1


def address_of(host: str) -> str:
    """Return what one client can be expected to have one of: of IPv6 addresses, a network."""
    if ":" not in host:
        return host
    address = IPv6Address(host)
    mapped = address.ipv4_mapped
    return str(mapped) if mapped else address.packed[:8].hex()
