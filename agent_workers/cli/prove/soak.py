"""The soak: real Celery workers, jobs of every class, and one disaster after the other."""

import contextlib
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agent_workers.cli.migrations import upgrade
from agent_workers.cli.prove.disasters import Disasters
from agent_workers.cli.prove.fleet import Fleet, soak_fleet
from agent_workers.cli.prove.grounds import Asked, Ground, Servers
from agent_workers.cli.prove.judge import Judged, Seen, wrongs_of
from agent_workers.cli.prove.matrix import Report
from agent_workers.cli.prove.trials import SERVER_FAULTS, VARIANTS, Fault, Trial
from agent_workers.domain.encoding import canonical
from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.embedded.postgres import EmbeddedPostgres
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.state.controls import GivenVerdict
from agent_workers.state.engine import Database
from agent_workers.state.invariants import broken
from agent_workers.state.proofs import add_counting_table
from agent_workers.testing import counting

_AGENT = "patient"
_TENANT = TenantId("soak")
_EVERY_S = 0.15
_FAULTY = 0.15
_SETTLE_S = 240.0
_LOOK_S = 0.5
_ENDED = {"succeeded", "failed", "canceled", "quarantined"}


@dataclass(slots=True, kw_only=True)
class Jobs:
    """Submits without a pause, and remembers what was acknowledged."""

    ground: Ground
    counter_url: str
    random: random.Random
    acknowledged: dict[JobId, Trial] = field(default_factory=dict)
    refused: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        variants = [variant for variant in VARIANTS if variant.name != "keyed_short"]
        number = 0
        while not self._stop.wait(_EVERY_S):
            number += 1
            script = ""
            if self.random.random() < _FAULTY:
                script = self.random.choice(SERVER_FAULTS)
            trial = Trial(
                number=number,
                variant=self.random.choice(variants),
                fault=Fault.NONE,
                script=tuple(script.split()),
            )
            self._submit(trial)

    def stop(self) -> None:
        self._stop.set()

    def _submit(self, trial: Trial) -> None:
        for n in range(len(trial.variant.tools)):
            counting.prepare(
                self.counter_url,
                f"{trial.subject}/{n}",
                script=trial.script,
                shows_after_s=trial.variant.shows_after_s,
            )
        wish = {
            "counter": self.counter_url,
            "subject": trial.subject,
            "tools": list(trial.variant.tools),
        }
        asked = Asked(tenant_id=_TENANT, agent=_AGENT, input=wish, plan_timeout_ms=5_000)
        try:
            self.acknowledged[self.ground.submit(asked)] = trial
        except AgentWorkersError:
            self.refused += 1  # Postgres was down: nothing was promised


def soak(
    *,
    postgres: EmbeddedPostgres,
    redis: EmbeddedRedis,
    counter_url: str,
    folder: Path,
    seconds: float,
    seed: int,
) -> int:
    """Run it and print what came of it; 1 when anything was violated."""
    print(f"seed {seed}: soaking for {seconds:.0f} s", flush=True)
    with _ground(postgres, redis, counter_url) as ground:
        chance = random.Random(seed)  # noqa: S311 (repeatable)
        jobs = Jobs(ground=ground, counter_url=counter_url, random=random.Random(seed + 1))  # noqa: S311
        fleet = soak_fleet(ground.database_url, ground.broker_url, folder)
        disasters = Disasters(fleet=fleet, postgres=postgres, redis=redis, random=chance)
        submitting = threading.Thread(target=jobs.run, name="jobs", daemon=True)
        try:
            submitting.start()
            disasters.strike_for(seconds)
            jobs.stop()
            submitting.join(30)
            disasters.calm()
            calm_s = _settle(ground, jobs, fleet)
            report = Report(seed=seed, judged=_judge(ground, jobs), broken=broken(ground.database))
        finally:
            jobs.stop()
            fleet.end()
    report.print()
    print(f"disasters: {disasters.told()}; workers started {fleet.started} times")
    print(f"{jobs.refused} submissions refused while Postgres was down; calm after {calm_s:.1f} s")
    return 0 if report.is_proven else 1


def _settle(ground: Ground, jobs: Jobs, fleet: Fleet) -> float:
    """Wait for every job to end; doubts are ended by who asked the counter."""
    began = time.monotonic()
    while time.monotonic() - began < _SETTLE_S:
        fleet.restart_dead()
        # Connections of before the last crash may still be in the pool.
        with contextlib.suppress(AgentWorkersError):
            if not _open_after_a_look(ground, jobs):
                break
        time.sleep(_LOOK_S)
    return time.monotonic() - began


def _open_after_a_look(ground: Ground, jobs: Jobs) -> list[JobId]:
    statuses = ground.proofs.statuses(_TENANT)
    open_ = [job for job in jobs.acknowledged if statuses.get(job) not in _ENDED]
    for job_id in open_:
        if statuses.get(job_id) == "in_doubt":
            _resolve(ground, jobs, job_id)
    return open_


def _resolve(ground: Ground, jobs: Jobs, job_id: JobId) -> None:
    trial = jobs.acknowledged[job_id]
    happened = any(counting.count(jobs.counter_url, one).applied for one in _subjects(trial))
    for key in ground.proofs.doubts(_TENANT, job_id):
        try:
            ground.control.give_verdict(
                _TENANT,
                key,
                verdict=GivenVerdict.HAPPENED if happened else GivenVerdict.NOT_HAPPENED,
                result=canonical("seen by the judge") if happened else None,
                by="soak",
                reason="the counter was asked",
            )
        except AgentWorkersError:
            continue  # too early, or its own evidence was quicker


def _judge(ground: Ground, jobs: Jobs) -> list[Judged]:
    statuses = ground.proofs.statuses(_TENANT)
    counts = counting.counts(jobs.counter_url)
    doubted = ground.proofs.ever_doubted(_TENANT)
    judged = []
    for job_id, trial in jobs.acknowledged.items():
        seen = Seen(
            status=statuses.get(job_id, ""),
            counts=tuple(counts[one] for one in _subjects(trial)),
            written=tuple(ground.proofs.written(one) for one in _subjects(trial)),
            doubted=job_id in doubted,
            job_id=job_id,
        )
        judged.append(Judged(trial=trial, seen=seen, wrongs=wrongs_of(trial, seen)))
    return judged


def _subjects(trial: Trial) -> list[str]:
    return [f"{trial.subject}/{n}" for n in range(len(trial.variant.tools))]


@contextmanager
def _ground(postgres: EmbeddedPostgres, redis: EmbeddedRedis, counter_url: str) -> Iterator[Ground]:
    servers = Servers(postgres_url=postgres.url, redis_url=redis.url, counter_url=counter_url)
    url = postgres.create_database("soak")
    upgrade(url)
    add_counting_table(url)
    database = Database(url, pool_size=4, name="agent_workers soak")
    try:
        yield Ground(database_url=url, broker_url=servers.redis_of(0), database=database)
    finally:
        database.close()
