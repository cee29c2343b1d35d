"""A host of its own on this machine: a network namespace whose link can be cut."""

import os
import secrets
import shutil
import subprocess
from types import TracebackType
from typing import Self


def why_no_far_host() -> str:
    """Say why there can be none here; empty where there can."""
    if os.geteuid() != 0:
        return "only root may make a network namespace"
    if shutil.which("ip") is None:
        return "there is no iproute2 here"
    name = f"aw-try-{os.getpid()}"
    try:
        _ip("netns", "add", name)
        _ip("netns", "del", name)
    except subprocess.CalledProcessError as error:
        return f"no network namespace can be made here: {error.stderr.strip()}"
    return ""


class FarHost:
    """Whoever runs in it reaches us at `near`, until the link is cut: then nothing says so."""

    def __init__(self) -> None:
        number = secrets.randbelow(1 << 14)
        net = f"10.213.{number >> 6}.{(number & 63) << 2}"
        prefix, _, last = net.rpartition(".")
        self.near = f"{prefix}.{int(last) + 1}"
        self._far = f"{prefix}.{int(last) + 2}"
        self._name = f"aw-{os.getpid()}-{number}"
        self._link = f"aw{number}"

    def command(self, *command: str) -> list[str]:
        """Return how to run a command there."""
        return ["ip", "netns", "exec", self._name, *command]

    def cut(self) -> None:
        """Take the link down: what is sent is lost, and no connection is reset."""
        _ip("-n", self._name, "link", "set", f"{self._link}p", "down")

    def mend(self) -> None:
        _ip("-n", self._name, "link", "set", f"{self._link}p", "up")

    def __enter__(self) -> Self:
        peer = f"{self._link}p"
        _ip("netns", "add", self._name)
        try:
            _ip("link", "add", self._link, "type", "veth", "peer", "name", peer)
            _ip("link", "set", peer, "netns", self._name)
            _ip("addr", "add", f"{self.near}/30", "dev", self._link)
            _ip("link", "set", self._link, "up")
            _ip("-n", self._name, "addr", "add", f"{self._far}/30", "dev", peer)
            _ip("-n", self._name, "link", "set", peer, "up")
            _ip("-n", self._name, "link", "set", "lo", "up")
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove()

    def _remove(self) -> None:
        """The link goes with its namespace."""
        _ip("netns", "del", self._name)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
