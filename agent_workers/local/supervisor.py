"""Keeps programs running: starts what ends again, and stops all of them in order."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from agent_workers.domain.running.exits import WRONG
from agent_workers.embedded.interrupts import uninterrupted
from agent_workers.embedded.leftovers import write_record
from agent_workers.local.child import Child, Program
from agent_workers.local.folder import DataFolder
from agent_workers.local.guardian import ALL_IS_WELL
from agent_workers.local.leftovers import GUARDIAN
from agent_workers.local.liveness import LOOK_EVERY_S, Liveness
from agent_workers.local.output import Lines
from agent_workers.terminal.errors import ProgramGaveUp

# Who lived that long had started; what ended it is a new trouble, not the old one again.
LIVED_S = 10.0
FIRST_S, LONGEST_S = 0.5, 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """Start it after a pause; `failures` counts how often it ended soon after its start."""

    pause_s: float
    failures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    code: int


def after_end(*, code: int, lived_s: float, failures: int, was_up: bool) -> Again | GiveUp:
    """Decide what follows the end of a program that nobody asked to end."""
    if code == WRONG and not was_up:
        return GiveUp(code=code)
    if lived_s >= LIVED_S:
        return Again(pause_s=0.0, failures=0)
    pause_s = 0.0 if failures == 0 else min(LONGEST_S, FIRST_S * 2.0 ** min(failures - 1, 10))
    return Again(pause_s=pause_s, failures=failures + 1)


_TEND_EVERY_S = 0.05
# What a killed parent left behind may finish the step it is doing, and no more.
_ORPHAN_GRACE_S = 15.0


@dataclass(slots=True, kw_only=True)
class _Kept:
    """A program that is kept running, with what is known of its lives so far."""

    child: Child
    stage: int
    failures: int = 0
    start_at: float | None = None
    was_up: bool = False


class Supervisor:
    """Runs programs in stages: the later a stage, the later it is started and the sooner stopped."""

    def __init__(
        self,
        folder: DataFolder,
        *,
        lines: Lines | None,
        say: Callable[[str], None],
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._folder = folder
        self._lines = lines
        self._say = say
        self._kept: list[_Kept] = []
        self._orphans: list[tuple[Child, int, float]] = []
        self._guardian: subprocess.Popen[bytes] | None = None
        self._liveness = Liveness(say=say, look_every_s=look_every_s)
        self._keeping = threading.Thread(target=self._keep, name="supervisor", daemon=True)
        self._stopping = threading.Event()
        self._is_in_a_hurry = False
        self._failed = threading.Event()
        self._failure: ProgramGaveUp | None = None
        self._tending = threading.Lock()

    def post_guardian(self) -> None:
        """Start the process that ends everything should we be killed."""
        command = [sys.executable, "-P", "-m", f"agent_workers.local.{GUARDIAN}"]
        with uninterrupted():
            self._guardian = subprocess.Popen(
                [*command, str(self._folder.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            record = self._folder.records / f"{GUARDIAN}.json"
            write_record(record, pid=self._guardian.pid, says=GUARDIAN)

    def start(self, programs: Sequence[Program], *, stage: int) -> None:
        with self._tending:
            for program in programs:
                child = Child(program, self._folder, self._lines)
                self._kept.append(_Kept(child=child, stage=stage))
                child.start()
                if program.live_url:
                    self._liveness.watch(child)

    def keep(self) -> None:
        """Look after the programs in a thread, until `stop`."""
        self._keeping.start()
        self._liveness.start()

    def check(self) -> None:
        """Raise when a program says that it cannot be started."""
        if self._failure is not None:
            raise self._failure

    def wait(self, timeout_s: float) -> None:
        """Let time pass, or raise as soon as a program cannot be started."""
        self._failed.wait(timeout_s)
        self.check()

    def kill(self, name: str) -> int:
        """Crash a program as kill -9 does; returns the pid that it had."""
        child = next(kept.child for kept in self._kept if kept.child.program.name == name)
        pid = child.pid
        assert pid is not None
        child.kill()
        return pid

    def hurry(self) -> None:
        """Stop waiting for orderly ends; signals say this, so it takes no lock."""
        self._is_in_a_hurry = True

    def stop(self) -> None:
        """Stop stage by stage, the last one first."""
        self._stopping.set()
        if self._keeping.is_alive():
            self._keeping.join()
        self._liveness.stop()
        with self._tending:
            self._kept.sort(key=lambda kept: -kept.stage)
            for _, stage in groupby(self._kept, key=lambda kept: kept.stage):
                self._end([kept.child for kept in stage])
            self._kept.clear()
            for child, group, _ in self._orphans:
                child.kill_group(group)

    def dismiss_guardian(self) -> None:
        """Tell the guardian that all has been stopped; if it was not, it has work to do."""
        if self._guardian is None:
            return
        self._guardian.communicate(b"" if self._kept else ALL_IS_WELL)
        (self._folder.records / f"{GUARDIAN}.json").unlink(missing_ok=True)
        self._guardian = None

    def _keep(self) -> None:
        while not self._stopping.wait(_TEND_EVERY_S):
            try:
                with self._tending:
                    if not self._stopping.is_set():
                        self._look()
            except ProgramGaveUp as error:
                self._failure = error
                self._failed.set()
                return

    def _look(self) -> None:
        now = time.monotonic()
        for kept in self._kept:
            if kept.start_at is not None:
                if now >= kept.start_at:
                    kept.start_at = None
                    kept.child.start()
                continue
            code = kept.child.code()
            if code is not None:
                self._ended(kept, code)
            elif kept.child.lived_s >= LIVED_S:
                kept.was_up = True
        for orphan in [one for one in self._orphans if now >= one[2]]:
            self._orphans.remove(orphan)
            orphan[0].kill_group(orphan[1])

    def _ended(self, kept: _Kept, code: int) -> None:
        child, name = kept.child, kept.child.program.name
        after = after_end(
            code=code, lived_s=child.lived_s, failures=kept.failures, was_up=kept.was_up
        )
        match after:
            case GiveUp():
                words = child.last_words() or "its own message is above"
                raise ProgramGaveUp(f"{name} cannot be started: {words}")
            case Again():
                pause = f" in {after.pause_s:g} s" if after.pause_s else ""
                self._say(f"{name} ended ({_told(code)}); starting it again{pause}")
                kept.failures = after.failures
                kept.start_at = time.monotonic() + after.pause_s
                if child.pid is not None:
                    grace = time.monotonic() + _ORPHAN_GRACE_S
                    self._orphans.append((child, child.pid, grace))

    def _end(self, children: Sequence[Child]) -> None:
        for child in children:
            child.ask_to_end()
        began = time.monotonic()
        for child in children:
            deadline = began + child.program.patience_s
            while child.runs and not self._is_in_a_hurry and time.monotonic() < deadline:
                time.sleep(_TEND_EVERY_S)
            child.end()


def _told(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
