"""The one server process of a folder: its lock, its record, its log, its beginning and its end."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent_workers.embedded.accounts import Account
from agent_workers.embedded.interrupts import uninterrupted
from agent_workers.embedded.leftovers import FolderLock, end_leftover, write_record
from agent_workers.embedded.processes import Blow, end_child, spawn, wait_until

LONGEST_LOG = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How to start a server, how to recognise it, and how to tell that it is ready."""

    command: Sequence[str]
    says: str
    is_ready: Callable[[int], bool]
    patience_s: float
    account: Account | None = None


class ServerProcess:
    def __init__(self, folder: Path, name: str) -> None:
        self.log = folder / f"{name}.log"
        self._record = folder / f"{name}.json"
        self._lock = FolderLock(folder)
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def take_folder(self) -> None:
        self._lock.take()

    def leave_folder(self) -> None:
        self._lock.let_go()

    def end_leftover(self, *, pid_file: Path, says: str, blows: Sequence[Blow]) -> bool:
        """Only while holding the folder: what runs in it then has lost its owner."""
        return end_leftover(self._record, pid_file=pid_file, says=says, blows=blows)

    def begin(self, launch: Launch) -> bool:
        """Start it and wait; False when it ended or did not become ready in time."""
        self._turn_log()
        with uninterrupted():
            child = self._child = spawn(launch.command, log=self.log, account=launch.account)
            write_record(self._record, pid=child.pid, says=launch.says)
        wait_until(
            lambda: child.poll() is not None or launch.is_ready(child.pid), launch.patience_s
        )
        return child.poll() is None and launch.is_ready(child.pid)

    def end(self, blows: Sequence[Blow]) -> None:
        """End it by these signals in turn, and by kill -9 after the last."""
        if self._child is None:
            return
        end_child(self._child, blows)
        self._child = None
        self._record.unlink(missing_ok=True)

    def last_words(self) -> str:
        return " | ".join(self.log.read_text(errors="replace").splitlines()[-5:])

    def _turn_log(self) -> None:
        if self.log.exists() and self.log.stat().st_size > LONGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
