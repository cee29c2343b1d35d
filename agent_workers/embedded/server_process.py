"""One server of a folder: its lock, its record, its log, its beginning and its end."""

import shutil
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from agent_workers.embedded.accounts import Account
from agent_workers.embedded.errors import ServerDidNotStart
from agent_workers.embedded.interrupts import uninterrupted
from agent_workers.embedded.leftovers import FolderLock, end_leftover, write_record
from agent_workers.embedded.ports import free_port, still_free
from agent_workers.embedded.processes import Blow, end_child, spawn, wait_until

LONGEST_LOG = 10_000_000
# After a kill -9 the children of a Postgres may hold its shared memory for a moment.
START_ATTEMPTS = 6
RETRY_AFTER_S = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """How to start a server, and how to tell that it is ready."""

    command: Sequence[str]
    is_ready: Callable[[int], bool]
    patience_s: float
    account: Account | None = None


class ServerProcess(ABC):
    """A server with its data in `folder`, reachable on a loopback port."""

    in_order: ClassVar[Sequence[Blow]]
    at_once: ClassVar[Sequence[Blow]]

    def __init__(self, folder: Path, name: str, *, port: int | None) -> None:
        self.folder = folder.absolute()
        self.log = self.folder / f"{name}.log"
        self.port = port or free_port()
        self._port_is_fixed = port is not None
        self._record = self.folder / f"{name}.json"
        self._lock = FolderLock(self.folder)
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def start(self) -> Self:
        """Start, after ending what a killed owner left here; later starts keep the port."""
        if self.is_running:
            return self
        self._make_folder()
        self._lock.take()
        try:
            self._start_in_own_folder()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop in order, with all data written, and let the next owner have the folder."""
        self._end(self.in_order)
        self._lock.let_go()

    def kill(self) -> None:
        """Crash it as kill -9 does; the folder stays ours."""
        self._end(())

    def end_leftover(self) -> bool:
        """End what a killed owner left here, without starting; says whether there was any."""
        if not self.folder.is_dir() or self.is_running:
            return False
        self._lock.take()
        try:
            return self._end_leftover()
        finally:
            self._lock.let_go()

    def destroy(self) -> None:
        """Stop and delete the data."""
        self.stop()
        self.end_leftover()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    @abstractmethod
    def _program(self) -> str:
        """The name of the program, for people."""

    @property
    @abstractmethod
    def _pid_file(self) -> Path: ...

    @property
    @abstractmethod
    def _says(self) -> str:
        """What only the command line of this folder's server says."""

    @abstractmethod
    def _prepare(self) -> None:
        """Make the folder ready for a first start; what was left running in it has ended."""

    @abstractmethod
    def _launch(self) -> Launch:
        """Say how to start on the port that it has now."""

    def _make_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _start_in_own_folder(self) -> None:
        self._end_leftover()
        self._prepare()
        for _ in range(START_ATTEMPTS):
            self.port = still_free(self.port, is_fixed=self._port_is_fixed)
            if self._begin(self._launch()):
                self._port_is_fixed = True
                return
            self._end(self.at_once)
            self._end_leftover()
            time.sleep(RETRY_AFTER_S)
        last_words = " | ".join(self.log.read_text(errors="replace").splitlines()[-5:])
        message = f"{self._program} did not start; {str(self.log)!r} ends: {last_words}"
        raise ServerDidNotStart(message)

    def _end_leftover(self) -> bool:
        """Only while holding the folder: what runs in it then has lost its owner."""
        return end_leftover(
            self._record, pid_file=self._pid_file, says=self._says, blows=self.in_order
        )

    def _begin(self, launch: Launch) -> bool:
        """Start it and wait; False when it ended or did not become ready in time."""
        if self.log.exists() and self.log.stat().st_size > LONGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))
        with uninterrupted():
            child = self._child = spawn(launch.command, log=self.log, account=launch.account)
            write_record(self._record, pid=child.pid, says=self._says)
        wait_until(
            lambda: child.poll() is not None or launch.is_ready(child.pid), launch.patience_s
        )
        return child.poll() is None and launch.is_ready(child.pid)

    def _end(self, blows: Sequence[Blow]) -> None:
        """End it by these signals in turn, and by kill -9 after the last."""
        if self._child is None:
            return
        end_child(self._child, blows)
        self._child = None
        self._record.unlink(missing_ok=True)
