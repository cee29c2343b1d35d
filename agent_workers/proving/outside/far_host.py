"""A host of its own for a worker: a network namespace whose only link can be cut."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FarHost:
    name: str
    link: str
    # Of this machine, as the far host sees it.
    address: str

    @property
    def prefix(self) -> tuple[str, ...]:
        """What stands before a command that is to run there."""
        return ("ip", "netns", "exec", self.name)

    def cut(self) -> None:
        """Nothing arrives any more, and nobody is told."""
        _ip("link", "set", self.link, "down")

    def mend(self) -> None:
        _ip("link", "set", self.link, "up")


@contextmanager
def far_host() -> Iterator[FarHost | None]:
    """Make one; None for who is not root, and where there is no iproute2."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        yield None
        return
    number = secrets.randbelow(1 << 14)
    net = f"10.{213 + (number >> 12)}.{(number >> 4) & 255}"
    ours, theirs = (f"{net}.{16 * (number & 15) + n}" for n in (1, 2))
    host = FarHost(name=f"aw-{number}", link=f"aw-{number}-a", address=ours)
    with ExitStack() as stack:
        if not _ip("netns", "add", host.name):
            yield None
            return
        stack.callback(_ip, "netns", "delete", host.name)
        there = ("-n", host.name)
        made = (
            _ip("link", "add", host.link, "type", "veth", "peer", "far", "netns", host.name)
            and _ip("addr", "add", f"{ours}/30", "dev", host.link)
            and _ip("link", "set", host.link, "up")
            and _ip(*there, "addr", "add", f"{theirs}/30", "dev", "far")
            and _ip(*there, "link", "set", "far", "up")
            and _ip(*there, "link", "set", "lo", "up")
        )
        yield host if made else None


def _ip(*words: str) -> bool:
    ran = subprocess.run(["ip", *words], capture_output=True, check=False)
    return ran.returncode == 0
