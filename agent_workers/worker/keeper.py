"""The keeper: a thread in each process that does work, which holds its lock and sweeps."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog

from agent_workers.domain.claim import Due
from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.ids import JobId
from agent_workers.domain.step import Lane
from agent_workers.orchestration.advance import Driver
from agent_workers.orchestration.ports import Ring, Tell
from agent_workers.state.server_clock import ServerClock
from agent_workers.state.sweeps import Sweeps
from agent_workers.state.workers import DeadMan, Process, Workers
from agent_workers.worker.delivery import Busy
from agent_workers.worker.process import gone

log = structlog.get_logger(__name__)

_LOOK = timedelta(milliseconds=300)
_HOLD_EVERY_S = 2.0
_COMPARE_EVERY_S = 5.0
_STUCK_AFTER_S = 30.0
# For the supervisor, or the parent of a prefork child: start again.
EXIT_CODE = 75
_KEEP_EVERY_S = 0.25
_SHORTEST_S, _LONGEST_S = 0.05, 0.5
_GLANCE_S = 0.2
_CLOCK_EVERY_S = 5.0


class Keeper:
    """Sweeps in turns with all other processes; recovery needs neither beat nor a broker."""

    def __init__(  # noqa: PLR0913 (its parts, each by its name)
        self,
        *,
        process: Process,
        dead_man: DeadMan | None,
        workers: Workers,
        sweeps: Sweeps,
        clock: ServerClock,
        driver: Driver,
        busy: Busy,
        busy_lanes: Callable[[], Sequence[Lane]],
        ring: Ring,
        tell: Tell,
        keep: Callable[[], None],
        leave: Callable[[int], object] = os._exit,
    ) -> None:
        self._process = process
        self._dead_man = dead_man
        self._workers = workers
        self._sweeps = sweeps
        self._clock = clock
        self._clock_seen_at = float("-inf")
        self._driver = driver
        self._busy = busy
        self._busy_lanes = busy_lanes
        self._ring = ring
        self._tell = tell
        self._keep_more = keep
        self._kept_at = 0.0
        self._leave = leave
        self._stop = threading.Event()
        self._held_at = 0.0
        self._compared_at = 0.0
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Hold the lock and know the time before the first step is claimed, then keep on."""
        self._hold()
        self._look_at_clock()
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=5)
        if self._dead_man is not None:
            self._dead_man.let_go()

    def _run(self) -> None:
        pause = _SHORTEST_S
        while not self._rest(pause):
            try:
                self._hold()
                self._look_at_clock()
                self.end_stuck()
                self.give_back()
                pause = self._sweep()
                self._keep()
            except AgentWorkersError as error:
                log.warning("keeper_failed", error=str(error))
                pause = _LONGEST_S
            except Exception:
                # The thread that heals everything else must not die of what it did not foresee.
                log.exception("keeper_broke")
                pause = _LONGEST_S

    def _rest(self, seconds: float) -> bool:
        """Wait, but no longer than our lock is held; true when it is time to stop.

        Who loses its lock without having died has a second to come back for it.
        """
        if self._dead_man is not None and not self._dead_man.is_held:
            seconds = min(seconds, _GLANCE_S)
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0 and not self._is_disturbed:
            if self._stop.wait(min(left, _GLANCE_S)):
                return True
        return self._stop.is_set()

    @property
    def _is_disturbed(self) -> bool:
        return self._dead_man is not None and self._dead_man.is_disturbed

    def _hold(self) -> None:
        if self._dead_man is None:
            return
        is_young = time.monotonic() - self._held_at < _HOLD_EVERY_S
        if is_young and self._dead_man.is_held and not self._dead_man.is_disturbed:
            return
        if self._dead_man.hold():
            log.info("lock_held", worker_id=str(self._process.worker_id))
        if self._dead_man.is_held:
            self._held_at = time.monotonic()

    def _look_at_clock(self) -> None:
        if time.monotonic() - self._clock_seen_at >= _CLOCK_EVERY_S:
            self._clock_seen_at = time.monotonic()
            self._clock.look()

    def end_stuck(self) -> None:
        """Let a step that is over its time be tried elsewhere, though its thread hangs on."""
        now = time.monotonic()
        for number, (claimed, since) in list(self._busy.steps.items()):
            if now - since <= claimed.timeout_ms / 1000:
                continue
            # Beyond any kernel timer, and beyond the patience of a record.
            self._busy.stuck[number] = since + 2 * claimed.timeout_ms / 1000 + _STUCK_AFTER_S
            still = self._busy.steps.pop(number, None)
            if still is not None:
                log.warning("step_overdue", job_id=claimed.job_id.hex, position=claimed.position)
                self._driver.time_out(claimed)
            else:
                self._busy.stuck.pop(number, None)
        if self._busy.is_stuck(now):
            # Nobody else would notice: no slot is free, so nothing is consumed any more.
            log.error("every_slot_stuck", slots=self._busy.slots)
            self._leave(EXIT_CODE)

    def give_back(self) -> None:
        """Free what we hold without knowing it: the reply to a claim or a record was lost."""
        if time.monotonic() - self._compared_at < _COMPARE_EVERY_S:
            return
        self._compared_at = time.monotonic()
        for held in self._workers.held(self._process.worker_id):
            if self._busy.give_up(held.due, held.fence) and self._workers.give_back(held):
                log.warning(
                    "step_given_back", job_id=held.due.job_id.hex, position=held.due.position
                )
                self._ring_for([held.due])

    def _sweep(self) -> float:
        if self._sweeps.may("workers", _LOOK):
            known = self._workers.on_host(self._process.host)
            self._recover(self._sweeps.lost(gone(known)))
        due_at, now = self._sweeps.next_due()
        if due_at is not None and due_at <= now and self._sweeps.may("steps", _LOOK / 6):
            # No lease has run out by a clock that jumped.
            self._clock.look()
            self._recover(self._sweeps.expired())
            self._ring_for(self._sweeps.overdue(self._busy_lanes()))
            for job_id in self._sweeps.deadlines():
                self._tell(JobId(job_id))
        wait = _LONGEST_S if due_at is None else (due_at - now).total_seconds()
        return min(max(wait, _SHORTEST_S), _LONGEST_S)

    def _keep(self) -> None:
        """Look after batches and breakers: a look into an index where there are none."""
        if time.monotonic() - self._kept_at >= _KEEP_EVERY_S:
            self._kept_at = time.monotonic()
            self._keep_more()

    def _recover(self, rings: Sequence[Due]) -> None:
        for due in rings:
            log.info("step_recovered", job_id=due.job_id.hex, position=due.position)
        self._ring_for(rings)

    def _ring_for(self, rings: Sequence[Due]) -> None:
        if rings:
            self._ring(rings, parent=None)
