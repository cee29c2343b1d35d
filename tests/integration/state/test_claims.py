"""Claiming: once, in order, past whatever is held, and by an index however much is done."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from uuid import UUID

import pytest

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import JobId
from agent_workers.domain.step import Lane
from tests.integration.state.world import ALL_LANES, FINISH, JOIN, World, use
from tests.support.database import POOL_SIZE


@pytest.fixture(autouse=True)
def _no_other_work(world: World) -> None:
    """Whoever claims the next step asks for no tenant: end what other tests left."""
    world.end_all()


def test_a_doubled_nudge_claims_nothing(world: World) -> None:
    job = world.submit()
    first = world.claims.named(world.tenant, job, 0)
    assert first is not None
    assert (first.fence, world.status(job)) == (1, "running")
    assert world.claims.named(world.tenant, job, 0) is None
    assert world.journal(job) == ["queued", "started"]


def test_a_step_that_is_not_there_is_not_claimed(world: World) -> None:
    job = world.submit()
    assert world.claims.named(world.tenant, job, 7) is None
    assert world.claims.named(world.tenant, JobId(UUID(int=0)), 0) is None


def test_a_lease_is_twice_the_time_out(world: World) -> None:
    job = world.submit()
    world.claim(job)
    assert world.step(job, 0, "extract(epoch from lease_until - claimed_at)::int") == 120


def test_two_threads_that_claim_whatever_is_due_get_each_step_once(world: World) -> None:
    jobs = {world.submit() for _ in range(250)}

    def drain() -> list[UUID]:
        got: list[UUID] = []
        while (claimed := world.claims.next([Lane.PLAN])) is not None:
            got.append(claimed.job_id)
        return got

    with ThreadPoolExecutor(4) as pool:
        got = [job for one in [pool.submit(drain) for _ in range(4)] for job in one.result()]
    counts = Counter(got)
    assert {job: counts[job] for job in jobs} == dict.fromkeys(jobs, 1)


def test_two_threads_that_answer_the_same_nudges_get_each_step_once(world: World) -> None:
    jobs = [world.submit() for _ in range(500)]
    start = threading.Barrier(2)

    def answer() -> int:
        start.wait()
        return sum(world.claims.named(world.tenant, job, 0) is not None for job in jobs)

    with ThreadPoolExecutor(2) as pool:
        counts = [one.result() for one in [pool.submit(answer), pool.submit(answer)]]
    assert sum(counts) == 500


def test_the_oldest_due_step_comes_first_and_lanes_come_in_their_order(world: World) -> None:
    old, young = world.submit(), world.submit()
    world.plan(old, use(), use(EffectClass.UNSAFE))
    world.make_due(old, 1)
    claimed = world.claims.next([Lane.EFFECT, Lane.TOOL])
    assert claimed is not None
    assert (claimed.job_id, claimed.lane) == (old, Lane.EFFECT)
    world.cancel(young)


def test_a_step_that_is_not_due_yet_is_left_alone(world: World) -> None:
    job = world.submit()
    world.one(
        "update steps set due_at = clock_timestamp() + interval '1 hour'"
        " where tenant_id = %s and job_id = %s",
        *(world.tenant, job),
    )
    assert world.claims.named(world.tenant, job, 0) is None
    assert world.claims.next(ALL_LANES) is None


def test_claiming_the_next_passes_over_what_is_locked_and_starves_nothing(world: World) -> None:
    held_job, held_step, free = world.submit(), world.submit(), world.submit()
    with world.database.transaction() as other, world.database.transaction() as another:
        other.execute("select 1 from jobs where job_id = %s for no key update", (held_job,))
        another.execute("select 1 from steps where job_id = %s for update", (held_step,))
        claimed = world.claims.next([Lane.PLAN])
        assert claimed is not None
        assert claimed.job_id == free
        assert world.claims.next([Lane.PLAN]) is None
    rest = {one.job_id for one in [world.claims.next([Lane.PLAN]) for _ in range(2)] if one}
    assert rest == {held_job, held_step}


def test_looking_further_says_whether_more_is_due(world: World) -> None:
    first, _ = world.submit(), world.submit()
    claimed = world.claims.next([Lane.PLAN], look_further=True)
    assert claimed is not None
    assert claimed.more
    last = world.claims.next([Lane.PLAN], look_further=True)
    assert last is not None
    assert not last.more
    assert first == claimed.job_id


def test_history_is_the_newest_rounds_oldest_first(world: World) -> None:
    job = world.submit()
    world.plan(job, use(), use())
    world.record(world.claim(job, 1), JOIN)
    world.record(world.claim(job, 2), JOIN)
    judged = world.claim(job, 3)
    assert [done.position for done in world.claims.history(judged, limit=2)] == [0, 1, 2]
    assert [done.type for done in world.claims.history(judged, limit=9)] == [
        "planned",
        "tool_ran",
        "tool_ran",
    ]
    world.record(judged, FINISH)


_MANY = """
with made as (
  insert into jobs (tenant_id, job_id, root_id, agent, input, status, output, max_steps,
                    next_position, open_steps, journal_number, finished_at)
  select %(tenant)s, id, id, 'demo', '{{}}',
         case when i <= 20000 then 'running' else 'succeeded' end,
         case when i <= 20000 then null else 'null'::bytea end, 9, 1,
         case when i <= 20000 then 1 else 0 end, 0, case when i > 20000 then now() end
    from (select i, gen_random_uuid() as id from generate_series(1, 60000) i) n
  returning job_id, finished_at)
insert into steps (tenant_id, job_id, position, round, kind, lane, status, timeout_ms,
                   outcome_type, outcome, done_at, due_at)
select %(tenant)s, job_id, p, 0, 'tool', 'tool',
       case when finished_at is null then 'ready' else 'done' end, 1000,
       case when finished_at is not null then 'tool_ran' end,
       case when finished_at is not null then 'null'::bytea end,
       finished_at, clock_timestamp() - interval '1 minute' * random()
  from made, generate_series(0, case when finished_at is null then 0 else 4 end) p"""
_FLUSH = "select pg_stat_force_next_flush()"
_READ = "select sum(seq_scan) from pg_stat_user_tables where relname in ('steps', 'jobs')"


def sequential_scans(world: World) -> int:
    """Count them all: each connection tells of its own when it comes to it, or is asked to."""
    with ExitStack() as stack:
        for _ in range(POOL_SIZE):
            stack.enter_context(world.database.connection()).execute(_FLUSH)
    return int(world.one(_READ))


@pytest.mark.breaks_rows("fills the table with steps that nobody did")
def test_claims_use_an_index_however_much_is_done(world: World) -> None:
    with world.database.connection() as connection:
        connection.execute("set session_replication_role = replica")  # no foreign keys to check
        connection.execute(_MANY.replace("{{}}", "{}").encode(), {"tenant": world.tenant})
        connection.execute("reset session_replication_role")
        connection.execute("analyze jobs")
        connection.execute("analyze steps")
        plan = connection.execute(
            "explain select s.* from steps s join jobs using (tenant_id, job_id)"
            " where s.lane = 'tool' and s.status = 'ready' and s.due_at <= clock_timestamp()"
            " and jobs.status in ('queued','running','waiting') and not jobs.pause_requested"
            " order by s.due_at limit 1 for no key update of s, jobs skip locked"
        ).fetchall()
    before = sequential_scans(world)
    for _ in range(50):
        claimed = world.claims.next([Lane.TOOL])
        assert claimed is not None
        assert world.claims.named(world.tenant, claimed.job_id, 0) is None
    world.sweeps.overdue([])
    world.sweeps.expired()
    world.sweeps.look(worker_id=world.worker, host="h", holds=True)
    assert sequential_scans(world) == before
    text = "\n".join(row[0] for row in plan)
    assert "steps_ready_idx" in text
    assert "Seq Scan" not in text
