"""While an old snapshot is open, looks and claims stay as cheap as they were, and miss nothing."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta

from agent_workers.domain.decision import Continue
from agent_workers.domain.ids import JobId
from agent_workers.domain.step import Lane
from agent_workers.state.database.engine import Connection, Database
from agent_workers.state.steps.sweeps import Seen, Sweeps
from tests.integration.state.world import EVALUATE, FINISH, PLANNED, World

_PATIENCE_S = 20.0
_CLAIM = "select fence from claim_next('{evaluate,tool,plan}', gen_random_uuid(), null, true)"
_MORE = "select is_more_due('{evaluate,tool,plan}')"
_ENTRIES = """
select sum(idx_tup_read) from pg_stat_user_indexes where indexrelname <> 'steps_ready_idx'"""
_BACKDATE = "update steps set ring_at = ring_at - interval '1 minute' where job_id = %s"


@contextmanager
def open_snapshot(world: World) -> Iterator[None]:
    """A report, or a dump: it reads once, and goes on and on."""
    with world.database.alone() as reader:
        reader.execute("set idle_in_transaction_session_timeout = 0")
        reader.execute("begin isolation level repeatable read")
        reader.execute("select count(*) from steps")
        yield
        reader.execute("rollback")


def do_jobs(world: World, count: int) -> None:
    """Let so many jobs of two steps run through, each step waiting to be claimed for a moment."""
    for _ in range(count):
        world.submit()
        planned = world.claims.next([Lane.PLAN])
        assert planned is not None
        world.record(planned, Continue(outcome=PLANNED, steps=(EVALUATE,)))
        judged = world.claims.next([Lane.EVALUATE])
        assert judged is not None
        world.record(judged, FINISH)


def pages(connection: Connection, sql: str) -> int:
    """How many pages a statement touches, those of the functions that it calls included."""
    explain = f"explain (analyze, buffers, timing off, format json) {sql}"
    row = connection.execute(explain.encode()).fetchone()
    assert row is not None
    found = row[0] if isinstance(row[0], list) else json.loads(row[0])
    plan = found[0]["Plan"]
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])


def soon(measured: Callable[[], int], *, most: int) -> int:
    """What is measured once it is low enough: what was done just now counts for a moment."""
    until = time.monotonic() + _PATIENCE_S
    while (found := measured()) > most and time.monotonic() < until:
        time.sleep(0.1)
    return found


def look(world: World, sweeps: Sweeps) -> Seen:
    return sweeps.look(worker_id=world.worker, host="h", holds=True)


def test_a_look_passes_no_more_entries_the_more_jobs_are_done(world: World) -> None:
    world.end_all()
    now = 1_000.0
    sweeps = Sweeps(world.database, clock=lambda: now)
    with open_snapshot(world):
        do_jobs(world, 400)
        assert look(world, sweeps).passed >= 800  # from the beginning: all that was ever due
        assert soon(lambda: look(world, sweeps).passed, most=20) <= 20
        do_jobs(world, 400)
        assert soon(lambda: look(world, sweeps).passed, most=20) <= 20


def test_a_claim_reads_no_more_pages_the_more_jobs_are_done(world: World) -> None:
    world.end_all()
    with open_snapshot(world), world.database.alone() as session:
        do_jobs(world, 400)
        assert pages(session, _CLAIM) > 800  # from the beginning: all that was ever due
        for _ in range(2):
            assert soon(lambda: pages(session, _CLAIM), most=60) <= 60
            assert soon(lambda: pages(session, _MORE), most=60) <= 60
            do_jobs(world, 400)


def test_a_whole_job_passes_no_more_entries_the_more_jobs_are_done(world: World) -> None:
    world.end_all()
    with closing(Database(world.database.url, pool_size=1)) as database, open_snapshot(world):
        alone = World(database, world.tenant)
        most = 3 * entries_for(alone, 50)
        do_jobs(alone, 500)
        # Sessions that idle tell what they counted up to ten seconds later.
        assert soon(lambda: entries_for(alone, 50), most=most) <= most


def entries_for(world: World, count: int) -> int:
    """How many index entries so many jobs pass, but for those of claims that look around."""
    before = entries(world)
    do_jobs(world, count)
    return entries(world) - before


def entries(world: World) -> int:
    world.one("select pg_stat_force_next_flush()")
    world.one("select 1")
    return int(world.one(_ENTRIES))


def test_what_a_long_transaction_wrote_is_seen_as_soon_as_it_commits(world: World) -> None:
    world.end_all()
    sweeps = Sweeps(world.database, clock=lambda: 0.0)  # it never looks from the beginning again
    look(world, sweeps)
    look(world, sweeps)
    job = world.submit()
    with world.database.transaction() as writer:
        writer.execute("update steps set ring_at = clock_timestamp() where job_id = %s", (job,))
        world.one("select pg_sleep(3)")
        look(world, sweeps)
        assert all(since > world.now() - timedelta(seconds=3) for since in sweeps.since)
        look(world, sweeps)
    assert look(world, sweeps).ring_at == ring_at(world, job)


def test_a_row_from_before_the_bound_is_found_by_the_look_from_the_beginning(world: World) -> None:
    world.end_all()
    times = iter([0.0, 1.0, 1.5, 60.0])
    sweeps = Sweeps(world.database, clock=lambda: next(times))
    look(world, sweeps)
    look(world, sweeps)
    job = world.submit()
    world.one(_BACKDATE, job)
    assert look(world, sweeps).ring_at is None
    assert look(world, sweeps).ring_at == ring_at(world, job)


def test_a_claim_finds_what_came_up_before_its_place_within_moments(world: World) -> None:
    world.end_all()
    with open_snapshot(world), world.database.alone() as session:
        do_jobs(world, 400)
        session.execute(_CLAIM)
        kept = session.execute("select current_setting('agent_workers.ready_since')").fetchone()
        assert kept is not None
        assert kept[0] != ""
        job = world.submit()
        world.make_due(job, 0)
        until = time.monotonic() + _PATIENCE_S
        while session.execute(_CLAIM.encode()).fetchone() is None and time.monotonic() < until:
            time.sleep(0.1)
    assert world.steps(job) == ["claimed"]


def ring_at(world: World, job: JobId) -> datetime:
    found: datetime = world.step(job, 0, "ring_at")
    return found
