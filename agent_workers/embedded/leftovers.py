"""What an owner that was killed left behind: found by record, recognised, ended."""

import fcntl
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from agent_workers.embedded.errors import FolderInUse
from agent_workers.embedded.private import write_private
from agent_workers.embedded.processes import Blow, end_stranger, sighting_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRecord:
    """One server process: its pid, when it started, and what its command line says."""

    pid: int
    started: str
    says: str


class FolderLock:
    """One owner per folder; the kernel lets go of it however the owner dies."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "owner.lock"
        self._file: int | None = None

    def take(self) -> None:
        if self._file is not None:
            return
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(handle, 20).decode(errors="replace")
            os.close(handle)
            message = f"{str(self._path.parent)!r} is in use by process {owner}: stop that, or name another folder (--folder)"
            raise FolderInUse(message) from None
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        self._file = handle

    def let_go(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def write_record(path: Path, *, pid: int, says: str) -> None:
    """Remember a server just started; silent when it has already died."""
    sighting = sighting_of(pid)
    if sighting is None:
        return
    fresh = path.with_suffix(".new")
    record = ServerRecord(pid=pid, started=sighting.started, says=says)
    write_private(fresh, json.dumps(asdict(record)))
    fresh.replace(path)


def end_leftover(record: Path, *, pid_file: Path, says: str, blows: Sequence[Blow]) -> bool:
    """End what a dead owner left: by our record, or by the server's own pid file.

    The owner can die between starting a server and recording it; then only the server's own
    pid file knows. Call this only while holding the folder's lock. Says whether any was found.
    """
    found = False
    known = _read_record(record)
    if known is not None:
        found = end_stranger(known.pid, lambda pid: _is_recorded(pid, known), blows)
    written = _first_line_number(pid_file)
    if written is not None:
        found = end_stranger(written, lambda pid: _command_says(pid, says), blows) or found
    record.unlink(missing_ok=True)
    return found


def _read_record(path: Path) -> ServerRecord | None:
    try:
        return ServerRecord(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _is_recorded(pid: int, record: ServerRecord) -> bool:
    sighting = sighting_of(pid)
    return (
        sighting is not None
        and sighting.started == record.started
        and record.says in sighting.command
    )


def _command_says(pid: int, says: str) -> bool:
    sighting = sighting_of(pid)
    return sighting is not None and says in sighting.command


def _first_line_number(path: Path) -> int | None:
    try:
        return int(path.read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return None
