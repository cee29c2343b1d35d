"""The soak: real Celery workers, jobs of every class, and one disaster after the other."""

import contextlib
import random
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.ids import JobId
from agent_workers.domain.text.encoding import canonical
from agent_workers.embedded.ports import free_port
from agent_workers.embedded.postgres import EmbeddedPostgres
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.local.migrations import upgrade
from agent_workers.proving.grounds import Ground, Servers
from agent_workers.proving.matrix import Report
from agent_workers.proving.outside.far_host import FarHost, far_host
from agent_workers.proving.soak.blows import Blows
from agent_workers.proving.soak.disasters import Disasters
from agent_workers.proving.soak.fleet import Door, Fleet, Ways, soak_fleet
from agent_workers.proving.soak.hostile import Foe
from agent_workers.proving.soak.jobs import TENANT, Jobs
from agent_workers.proving.soak.judge import judge, subjects
from agent_workers.proving.soak.pooler import Pooler, running_pooler
from agent_workers.proving.soak.strangers import Strangers
from agent_workers.proving.trials.wire import Wires
from agent_workers.state.database.engine import Database
from agent_workers.state.jobs.controls import GivenVerdict
from agent_workers.state.proving.invariants import broken
from agent_workers.state.proving.proofs import add_counting_table, watch_claims
from agent_workers.testing import counting

_SETTLE_S = 240.0
_LOOK_S = 0.5
_ENDED = {"succeeded", "failed", "canceled", "quarantined"}


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
    blows = Blows()
    with (
        _ground(postgres, redis, counter_url) as ground,
        running_pooler(ground.database_url, folder) as pooler,
        _ways(ground, pooler, counter_url) as ways,
    ):
        chance = random.Random(seed)  # noqa: S311 (repeatable)
        jobs = Jobs(ground=ground, counter_url=counter_url, random=random.Random(seed + 1))  # noqa: S311
        foe = Foe(ground=ground, door=Door(port=free_port(), pepper=secrets.token_hex()))
        fleet = soak_fleet(ways, folder, foe.door)
        fleet.swept_away = lambda pid: blows.fall("swept away", pid, counts=False)
        strangers = Strangers(
            fleet=fleet,
            database_url=ground.database_url,
            random=chance,
            blows=blows,
            pooler=pooler,
            far=ways.far,
        )
        disasters = Disasters(
            fleet=fleet,
            postgres=postgres,
            redis=redis,
            random=chance,
            blows=blows,
            strangers=strangers,
        )
        try:
            calm_s = _rage(ground, jobs, disasters, foe, seconds)
            report, told = _judged(ground, jobs, blows, foe, seed), foe.told(TENANT)
        finally:
            jobs.stop()
            fleet.end()
    report.print()
    print(told)
    print(f"disasters: {blows.told()}; workers started {fleet.started} times")
    missing = {"pgbouncer": pooler, "a network namespace": ways.far}
    print(
        "left out: "
        + (", ".join(name for name, there in missing.items() if not there) or "nothing")
    )
    print(f"{jobs.refused} submissions refused while Postgres was down; calm after {calm_s:.1f} s")
    return 0 if report.is_proven else 1


def _rage(ground: Ground, jobs: Jobs, disasters: Disasters, foe: Foe, seconds: float) -> float:
    """Strike while jobs come in, then wait for every job to end; how long that took."""
    foe.begin()
    submitting = threading.Thread(target=jobs.run, name="jobs", daemon=True)
    submitting.start()
    disasters.strike_for(seconds)
    jobs.stop()
    submitting.join(30)
    disasters.calm()
    foe.end()
    return _settle(ground, jobs, disasters.fleet, foe)


def _judged(ground: Ground, jobs: Jobs, blows: Blows, foe: Foe, seed: int) -> Report:
    foe.note_deaths(blows)
    judged = judge(ground, TENANT, jobs.acknowledged, jobs.counter_url, blows)
    wrongs = [*broken(ground.database), *foe.wrongs(TENANT, blows)]
    return Report(seed=seed, judged=judged, broken=wrongs)


@contextmanager
def _ways(ground: Ground, pooler: Pooler | None, counter_url: str) -> Iterator[Ways]:
    """Some workers go through a pooler, and one sits on a host of its own."""
    pooled = pooler.url if pooler else ""
    straight = Ways(
        database_url=ground.database_url, broker_url=ground.broker_url, pooled_url=pooled
    )
    with contextlib.ExitStack() as stack:
        far = stack.enter_context(far_host())
        if far is None:
            yield straight
            return
        wires = Wires()
        stack.callback(wires.close)
        yield replace(
            straight,
            far=far,
            far_database_url=stack.enter_context(reachable(far, wires, ground.database_url)),
            far_broker_url=stack.enter_context(reachable(far, wires, ground.broker_url)),
            far_counter_url=stack.enter_context(reachable(far, wires, counter_url)),
        )


def _settle(ground: Ground, jobs: Jobs, fleet: Fleet, foe: Foe) -> float:
    """Wait for every job to end; doubts are ended by who asked the counter."""
    began = time.monotonic()
    while time.monotonic() - began < _SETTLE_S:
        fleet.restart_dead()
        # Connections of before the last crash may still be in the pool.
        with contextlib.suppress(AgentWorkersError):
            left = foe.end_work()
            if not _open_after_a_look(ground, jobs) and not left:
                break
        time.sleep(_LOOK_S)
    return time.monotonic() - began


def _open_after_a_look(ground: Ground, jobs: Jobs) -> list[JobId]:
    statuses = ground.proofs.statuses(TENANT)
    open_ = [job for job in jobs.acknowledged if statuses.get(job) not in _ENDED]
    for job_id in open_:
        if statuses.get(job_id) == "in_doubt":
            _resolve(ground, jobs, job_id)
    return open_


def _resolve(ground: Ground, jobs: Jobs, job_id: JobId) -> None:
    trial = jobs.acknowledged[job_id]
    happened = any(counting.count(jobs.counter_url, one).applied for one in subjects(trial))
    for key in ground.proofs.doubts(TENANT, job_id):
        try:
            ground.control.give_verdict(
                TENANT,
                key,
                verdict=GivenVerdict.HAPPENED if happened else GivenVerdict.NOT_HAPPENED,
                result=canonical("seen by the judge") if happened else None,
                by="soak",
                reason="the counter was asked",
            )
        except AgentWorkersError:
            continue  # too early, or its own evidence was quicker


@contextmanager
def _ground(postgres: EmbeddedPostgres, redis: EmbeddedRedis, counter_url: str) -> Iterator[Ground]:
    servers = Servers(postgres_url=postgres.url, redis_url=redis.url, counter_url=counter_url)
    url = postgres.create_database("soak")
    upgrade(url)
    add_counting_table(url)
    watch_claims(url)
    database = Database(url, pool_size=4, name="agent_workers soak")
    try:
        yield Ground(database_url=url, broker_url=servers.redis_of(0), database=database)
    finally:
        database.close()


@contextmanager
def reachable(host: FarHost, wires: Wires, url: str) -> Iterator[str]:
    """Lead a server of this machine's loopback to the far host; the same URL as seen from there."""
    place = urlsplit(url)
    assert place.hostname is not None
    assert place.port is not None
    with wires.laid(place.hostname, place.port, at=0, how=None, address=host.address) as wire:
        here = f"{place.hostname}:{place.port}"
        yield url.replace(here, f"{host.address}:{wire.own_port}")
