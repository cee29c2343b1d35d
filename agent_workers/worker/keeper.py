"""The keeper: a thread in each process that does work, which holds its lock and sweeps."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import structlog

from agent_workers.domain.claim import Due
from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.ids import JobId, to_wire
from agent_workers.domain.running.exits import AWAY
from agent_workers.domain.step import Lane
from agent_workers.domain.text.addresses import reason_of
from agent_workers.orchestration.ports import Ring, Tell
from agent_workers.orchestration.steps.advance import Driver
from agent_workers.state.database.server_clock import ServerClock
from agent_workers.state.steps.sweeps import LEASES, Seen, Sweeps
from agent_workers.state.steps.workers import DeadMan, Process, Workers
from agent_workers.worker.delivery import Busy
from agent_workers.worker.parts.repeated import Repeated
from agent_workers.worker.process import gone

log = structlog.get_logger(__name__)

_HOLD_EVERY_S = 2.0
# While we hold no step, nothing is lost with the lock.
_HOLD_IDLE_EVERY_S = 15.0
_COMPARE_EVERY_S = 5.0
# While an old snapshot is open, entries of finished steps are in the way: a thousandth of our time.
_COMPARE_S_PER_ENTRY = 300e-6
_STUCK_AFTER_S = 30.0
# For the supervisor, or the parent of a prefork child: start again.
EXIT_CODE = AWAY
# A process that works looks this often, and so does one that sees trouble; one that has been idle
# asks Postgres less than once a second in all, and sees as soon as the others that a process of its
# own host is gone.
_LOOK_EVERY_S, _LOOK_IDLE_EVERY_S = 0.3, 1.1
_IDLE_AFTER_S = 5.0
_SHORTEST_S, _LISTEN_S = 0.05, 0.25
_GLANCE_S = 0.2


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
        keep: Callable[[Seen], None],
        leave: Callable[[int], object] = os._exit,
    ) -> None:
        self._process = process
        self._dead_man = dead_man
        self._workers = workers
        self._sweeps = sweeps
        self._clock = clock
        self._driver = driver
        self._busy = busy
        self._busy_lanes = busy_lanes
        self._ring = ring
        self._tell = tell
        self._keep = keep
        self._leave = leave
        self._failures = Repeated()
        self._stop = threading.Event()
        self._held_at = 0.0
        self._compare_at = 0.0
        self._looked_at = float("-inf")
        self._due_in_s = 0.0
        self._busy_at = time.monotonic()
        self._neighbours: Sequence[tuple[UUID, int, int]] = ()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self) -> None:
        """Hold the lock and know the time before the first step is claimed, then keep on."""
        self._hold()
        self._clock.look()
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
                pause = self._take_turn()
            except AgentWorkersError as error:
                if times := self._failures.times():
                    log.warning("keeper_failed", error=reason_of(error), times=times)
                pause = _LISTEN_S
            except Exception:
                # The thread that heals everything else must not die of what it did not foresee.
                log.exception("keeper_broke")
                pause = _LISTEN_S

    def _take_turn(self) -> float:
        """Look if it is time, or if a neighbour is gone; return how long to pause."""
        self._hold()
        self.end_stuck()
        now = time.monotonic()
        if self._busy.steps or self._busy.deliveries:
            self._busy_at = now
        longest = _LOOK_EVERY_S if self._is_busy(now) else _LOOK_IDLE_EVERY_S
        lost = gone(self._neighbours)
        if lost or now >= self._looked_at + min(self._due_in_s, longest):
            self._looked_at = now
            self._due_in_s = longest
            self._due_in_s = self._look(lost, longest)
        due_at = self._looked_at + min(self._due_in_s, longest)
        return min(max(due_at - time.monotonic(), _SHORTEST_S), _LISTEN_S)

    def _is_busy(self, now: float) -> bool:
        return now - self._busy_at < _IDLE_AFTER_S

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
        every = _HOLD_EVERY_S if self._is_busy(time.monotonic()) else _HOLD_IDLE_EVERY_S
        if self._dead_man is None:
            return
        is_young = time.monotonic() - self._held_at < every
        if is_young and self._dead_man.is_held and not self._dead_man.is_disturbed:
            return
        if self._dead_man.hold():
            log.info("lock_held", worker_id=str(self._process.worker_id))
        if self._dead_man.is_held:
            self._held_at = time.monotonic()

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
                log.warning(
                    "step_overdue",
                    job_id=to_wire(claimed.job_id),
                    position=claimed.position,
                    agent=claimed.agent,
                    kind=claimed.kind.value,
                    **({"tool": claimed.tool} if claimed.tool else {}),
                    timeout_s=claimed.timeout_ms / 1000,
                )
                self._driver.time_out(claimed)
            else:
                self._busy.stuck.pop(number, None)
        if self._busy.is_stuck(now):
            # Nobody else would notice: no slot is free, so nothing is consumed any more.
            log.error("every_slot_stuck", slots=self._busy.slots)
            self._leave(EXIT_CODE)

    def _look(self, lost: Sequence[UUID], longest: float) -> float:
        """Look around, do what is due, and return how soon to look again."""
        now = time.monotonic()
        compare = now >= self._compare_at
        asked_at = self._clock.own()
        seen = self._sweeps.look(
            worker_id=self._process.worker_id, host=self._process.host, holds=compare
        )
        # Before anything is swept: no lease has run out by a clock that jumped.
        self._clock.compare(seen.at, asked_at)
        self._neighbours = seen.neighbours
        if compare:
            costs_s = seen.passed_for_holds * _COMPARE_S_PER_ENTRY
            self._compare_at = now + max(_COMPARE_EVERY_S, costs_s)
        if seen.holds:
            self.give_back(self._sweeps.since[LEASES])
        if seen.lost or lost:
            self._recover(self._sweeps.lost(gone(seen.neighbours)))
        swept = self._sweep(seen)
        self._keep(seen)
        if swept or seen.is_due(seen.batch_at) or seen.is_due(seen.session_at):
            return _SHORTEST_S  # there may be more of it
        if seen.lost or lost:
            return _LOOK_EVERY_S
        # What is due and could not be done is held by somebody.
        return seen.next_in_s if seen.next_in_s is not None and seen.next_in_s > 0 else longest

    def give_back(self, since: datetime) -> None:
        """Free what we hold without knowing it: the reply to a claim or a record was lost."""
        for held in self._workers.held(self._process.worker_id, since):
            if self._busy.give_up(held.due, held.fence) and self._workers.give_back(held):
                log.warning(
                    "step_given_back", job_id=to_wire(held.due.job_id), position=held.due.position
                )
                self._ring_for([held.due])

    def _sweep(self, seen: Seen) -> bool:
        """Free and ring for what is due; say whether anything came of it."""
        freed: Sequence[Due] = ()
        rings: Sequence[Due] = ()
        ended: Sequence[UUID] = ()
        if seen.is_due(seen.lease_until):
            freed = self._sweeps.expired(seen.lease_until)
            self._recover(freed)
        if seen.is_due(seen.ring_at):
            rings = self._sweeps.overdue(self._busy_lanes(), seen.ring_at)
            self._ring_for(rings)
        if seen.is_due(seen.timer_at):
            ended = self._sweeps.deadlines(seen.timer_at)
            for job_id in ended:
                log.info("job_stopped", job_id=to_wire(job_id))
                self._tell(JobId(job_id))
        return bool(freed or rings or ended)

    def _recover(self, rings: Sequence[Due]) -> None:
        for due in rings:
            log.info("step_recovered", job_id=to_wire(due.job_id), position=due.position)
        self._ring_for(rings)

    def _ring_for(self, rings: Sequence[Due]) -> None:
        if rings:
            self._ring(rings, parent=None)
