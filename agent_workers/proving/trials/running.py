"""Runs one trial: submit, strike, let others go on, wake the frozen, judge."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from agent_workers.proving.process.orders import Said, Trip
from agent_workers.proving.trials.judge import Judged, Seen, wrongs_of
from agent_workers.proving.trials.stage import ALL_LANES, Stage
from agent_workers.proving.trials.trials import BEFORE_PERMIT, DOZE_S, Fault
from agent_workers.proving.trials.wire import Cut, Wire, Wires

STRIKE_S = 12.0
WAKE_S = 8.0
# A keeper looks a few times a second.
_SWEPT_S = 1.5
_PLANS, _DOES = ("plan",), ("effect", "evaluate")


def die(stage: Stage, trips: tuple[Trip, ...]) -> bool:
    worker, cast = stage.hire(trips), stage.cast
    stage.until(lambda: cast.has(worker, "ended") or stage.rests(), stage.job.calm_s / 5)
    if cast.has(worker, "tripped"):
        cast.wait_for(worker, "ended", seconds=WAKE_S)
    if not cast.has(worker, "ended"):
        # It came through: an ordinary crash, so that the next one has something to do.
        cast.signal(worker, signal.SIGKILL)
        cast.wait_for(worker, "ended", seconds=WAKE_S)
    return cast.has(worker, "tripped")


def stand(stage: Stage, trips: tuple[Trip, ...], lanes: tuple[str, ...] = ALL_LANES) -> str:
    """Start a worker, and wait until it froze or ended; its name."""
    worker, cast = stage.hire(trips, lanes=lanes), stage.cast
    stage.until(lambda: cast.has(worker, "stopped", "ended") or stage.rests(), STRIKE_S)
    return worker


def sweep(stage: Stage) -> bool:
    """The first dies or freezes in its step; the second dies as it clears up behind it."""
    first = stand(stage, stage.trial.trips)
    struck = die(stage, stage.trial.then)
    stage.replace()
    stage.until(stage.rests, stage.job.calm_s)
    _wake(stage, first)
    return struck


def come_late(stage: Stage) -> bool:
    """Another does the step of who froze, dies, and leaves the next one to who wakes."""
    planner = stage.hire(lanes=_PLANS)
    stage.until(lambda: stage.cast.has(planner, "idle"), STRIKE_S)
    first, cast = stand(stage, stage.trial.trips, lanes=_DOES), stage.cast
    die(stage, stage.trial.then)
    # The planner's keeper frees what the second left; it takes no such step itself.
    stage.until(lambda: False, _SWEPT_S)
    _wake(stage, first)
    stage.replace()
    return sum(said.worker == first and said.event == "tripped" for said in cast.heard) > 1


def _wake(stage: Stage, worker: str) -> None:
    since = len(stage.cast.heard)
    if stage.cast.has(worker, "stopped") and not stage.cast.has(worker, "ended"):
        stage.cast.signal(worker, signal.SIGCONT)
        stage.cast.wait_for(worker, "idle", "ended", seconds=WAKE_S, since=since)


_LAST_WORDS_S = 0.5
# So many workers die or freeze under a step before it is put into quarantine.
_POISON = 3


def run(stage: Stage, wires: Wires) -> Judged:
    """Run one trial from its submission to its verdict."""
    began = time.monotonic()
    try:
        with _wire(stage, wires) as wire:
            stage.submit()
            struck = _strike(stage, wire)
            _come_to_rest(stage)
            seen = _see(stage, struck=struck, chunks=wire.chunks if wire else 0)
    finally:
        stage.cast.end()
        stage.ground.clear()
    return _judged(stage, seen, time.monotonic() - began)


def _come_to_rest(stage: Stage) -> None:
    """Its own timer may end a worker that a busy machine holds up: who supervises starts another."""
    stage.until(lambda: stage.rests() or not stage.cast.alive, stage.job.calm_s)
    if not stage.rests() and not stage.cast.alive:
        stage.replace()
        stage.until(stage.rests, stage.job.calm_s)


def _strike(stage: Stage, wire: Wire | None) -> bool:
    """Do what the trial is about; false when nothing was there to strike."""
    trial = stage.trial
    match trial.fault:
        case Fault.NONE | Fault.SERVER:
            stage.hire(wire=wire)
            return True
        case Fault.BEHAVES:
            struck = not trial.trips or die(stage, trial.trips)
            stage.replace()
            return struck
        case Fault.KILL:
            struck = die(stage, trial.trips)
            time.sleep(trial.alone_s)
            stage.replace()
            return struck
        case Fault.DUEL | Fault.SWEEP | Fault.LATE:
            return _OF_TWO[trial.fault](stage)
        case Fault.PAIR:
            die(stage, trial.trips)
            struck = die(stage, trial.then)
            stage.replace()
            return struck
        case Fault.POSTGRES | Fault.REDIS:
            assert wire is not None
            stage.hire(wire=wire)
            stage.until(lambda: wire.is_cut.is_set() or stage.rests(), STRIKE_S)
            stage.replace()
            return wire.is_cut.is_set()
        case Fault.FREEZE | Fault.DOZE | Fault.CANCEL | Fault.PAUSE:
            return _freeze(stage)


def _freeze(stage: Stage) -> bool:
    if stage.trial.then:
        die(stage, stage.trial.trips)
    worker, cast = stage.hire(stage.trial.then or stage.trial.trips), stage.cast
    stage.until(lambda: cast.has(worker, "stopped", "ended") or stage.rests(), STRIKE_S)
    if cast.has(worker, "tripped"):
        cast.wait_for(worker, "stopped", "ended", seconds=WAKE_S)
    if not cast.has(worker, "stopped"):
        stage.replace()
        return False
    _meanwhile(stage)
    frozen_until = len(cast.heard)
    cast.signal(worker, signal.SIGCONT)
    cast.wait_for(worker, "idle", "ended", seconds=WAKE_S, since=frozen_until)
    if stage.trial.fault is Fault.PAUSE:
        stage.ground.control.resume(stage.tenant_id, stage.job_id)
    if stage.trial.fault in {Fault.CANCEL, Fault.PAUSE}:
        stage.replace()
    return True


def _duel(stage: Stage) -> bool:
    """Both stand in the same step; the older wakes first, and freezes again further on."""
    cast, stood = stage.cast, []
    for trips in (stage.trial.trips, stage.trial.then):
        stood.append(stage.hire(trips))
        stage.until(lambda: cast.has(stood[-1], "stopped", "ended") or stage.rests(), STRIKE_S)
    struck = all(cast.has(worker, "stopped") for worker in stood)
    for worker in (*stood, stood[0]):
        since = len(cast.heard)
        cast.signal(worker, signal.SIGCONT)
        cast.wait_for(worker, "idle", "ended", "stopped", seconds=WAKE_S, since=since)
    stage.replace()
    return struck


_OF_TWO = {Fault.DUEL: _duel, Fault.SWEEP: sweep, Fault.LATE: come_late}


def _meanwhile(stage: Stage) -> None:
    """What others do while it is frozen."""
    control, place = stage.ground.control, (stage.tenant_id, stage.job_id)
    match stage.trial.fault:
        case Fault.CANCEL:
            control.cancel(*place, reason="proof", now=False)
        case Fault.PAUSE:
            control.pause(*place, reason="proof")
        case Fault.DOZE:
            stage.replace()
            time.sleep(DOZE_S)
        case _:
            stage.replace()
            stage.until(stage.rests, stage.job.calm_s)
            if stage.job.is_counted and stage.trial.number % 2 == 0:
                stage.resolve_doubt()


def _see(stage: Stage, *, struck: bool, chunks: int) -> Seen:
    if stage.trial.watch:
        # The job rests before its worker has said everything.
        stage.until(lambda: False, _LAST_WORDS_S)
    doubted = stage.status() == "in_doubt"
    passed = [said for said in stage.cast.heard if said.event == "passed"]
    if doubted and stage.job.is_counted:
        stage.resolve_doubt()
    cancel = stage.trial.fault is Fault.CANCEL
    return Seen(
        status=stage.status(),
        error=stage.error(),
        counts=stage.counts(),
        written=tuple(stage.ground.proofs.written(one) for one in stage.trial.subjects),
        doubted=doubted,
        struck=struck,
        woke=stage.trial.fault in {Fault.FREEZE, Fault.DOZE}
        and stage.cast.has(f"{stage.trial.subject}.1", "idle"),
        job_id=stage.job_id,
        chunks=chunks,
        passed=frozenset(said.place for said in passed if said.place),
        lines=max((said.number for said in passed), default=0),
        quarantine_is_due=stage.cast.struck >= _POISON,
        canceled_before_permit=cancel and stage.trial.place in BEFORE_PERMIT,
        counted=stage.job.is_counted,
    )


def _judged(stage: Stage, seen: Seen, seconds: float) -> Judged:
    heard = stage.cast.heard
    return Judged(
        trial=stage.trial,
        seen=seen,
        seconds=seconds,
        wrongs=(
            *wrongs_of(stage.trial, seen),
            *(f"a worker failed: {said.error}" for said in heard if _is_wrong(stage, said)),
        ),
        places=tuple(said.place for said in heard if said.event == "tripped"),
    )


def _is_wrong(stage: Stage, said: Said) -> bool:
    """A worker whose wire breaks while it starts may end; whoever supervises it starts another."""
    return said.event == "failed" and stage.trial.fault is not Fault.POSTGRES


@contextmanager
def _wire(stage: Stage, wires: Wires) -> Iterator[Wire | None]:
    trial = stage.trial
    if trial.fault not in {Fault.POSTGRES, Fault.REDIS} and not trial.measures:
        yield None
        return
    to_redis = Fault.REDIS in {trial.fault, trial.measures}
    there = urlsplit(stage.ground.broker_url if to_redis else stage.ground.database_url)
    assert there.hostname is not None
    assert there.port is not None
    how = Cut(trial.how) if trial.how else None
    with wires.laid(there.hostname, there.port, at=trial.chunk, how=how) as wire:
        yield wire
