"""Runs many trials at once, each on a ground of its own: waiting is most of what they do."""

import queue
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent_workers.proving.grounds import Ground, Grounds, Servers
from agent_workers.proving.trials.crew import Crew, crew_of
from agent_workers.proving.trials.judge import Judged, Seen
from agent_workers.proving.trials.outside import Counter
from agent_workers.proving.trials.running import run
from agent_workers.proving.trials.stage import Job, Stage
from agent_workers.proving.trials.trials import Trial
from agent_workers.proving.trials.wire import Wires
from agent_workers.state.proving.invariants import broken

# Redis has sixteen numbers, and number 0 is not ours.
MOST_AT_ONCE = 15
COUNTED = "agent_workers.proving.outside.counted"
Progress = Callable[[Judged], None]


@dataclass(slots=True, kw_only=True)
class Proving:
    """Grounds, a crew and wires, ready for trials."""

    grounds: Grounds
    crew: Crew
    wires: Wires
    job: Job
    at_once: int
    # The jobs of variants that are tools of somebody's own.
    jobs: Mapping[str, Job] = field(default_factory=dict)
    _free: "queue.SimpleQueue[Ground]" = field(default_factory=queue.SimpleQueue)
    _made: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, trials: Sequence[Trial], progress: Progress) -> list[Judged]:
        """Run them all; one that was not struck, because of haste or waste, is run once more."""
        with ThreadPoolExecutor(self.at_once) as pool:
            judged = []
            for one in pool.map(self._one, trials):
                progress(one)
                judged.append(one)
        return judged

    def on(self, ground: Ground, trial: Trial) -> Judged:
        """Run one trial on a ground that the caller made."""
        job = self.jobs.get(trial.variant.name, self.job)
        stage = Stage(trial=trial, ground=ground, crew=self.crew, job=job)
        try:
            return run(stage, self.wires)
        except Exception:  # noqa: BLE001  # a trial that breaks must not stop the others
            told = traceback.format_exc(limit=-4)
            seen = Seen(status="", counts=(), written=(), struck=False)
            return Judged(trial=trial, seen=seen, wrongs=(f"the trial itself broke: {told}",))

    def broken(self) -> list[str]:
        """Every invariant that does not hold in any of the databases."""
        return [wrong for ground in self.grounds.all() for wrong in broken(ground.database)]

    def _one(self, trial: Trial) -> Judged:
        ground = self._take()
        try:
            judged = self.on(ground, trial)
            if not judged.seen.struck and not judged.wrongs:
                again = replace(trial, number=trial.number + 100_000)
                judged = self.on(ground, again)
        finally:
            self._free.put(ground)
        return judged

    def _take(self) -> Ground:
        try:
            return self._free.get_nowait()
        except queue.Empty:
            with self._lock:
                self._made += 1
                return self.grounds.make(self._made)


@contextmanager
def ready(
    servers: Servers,
    *,
    folder: Path,
    prefix: str = "proof",
    tools: str = COUNTED,
    job: Job | None = None,
    at_once: int = MOST_AT_ONCE,
) -> Iterator[Proving]:
    """Make the template, import everything once, and take all of it down at the end."""
    crew = crew_of(tools, folder / "workers.log")
    job = job or Job(outside=Counter(servers.counter_url))
    with proving_on(Grounds(servers, prefix=prefix), crew, job=job, at_once=at_once) as proving:
        yield proving


@contextmanager
def proving_on(
    grounds: Grounds,
    crew: Crew,
    *,
    job: Job,
    jobs: Mapping[str, Job] | None = None,
    at_once: int = MOST_AT_ONCE,
) -> Iterator[Proving]:
    """Let a crew, which may still be importing, do its trials on grounds that are made now."""
    wires = Wires()
    try:
        grounds.prepare()
        yield Proving(
            grounds=grounds, crew=crew, wires=wires, job=job, jobs=jobs or {}, at_once=at_once
        )
    finally:
        crew.close()
        wires.close()
        grounds.close()
