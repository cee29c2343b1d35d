"""Blows to those who come after: a keeper that dies as it clears up, a claim that comes too late."""

import signal

from agent_workers.proving.process.orders import Trip
from agent_workers.proving.trials.stage import ALL_LANES, Stage

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
