"""Claiming what is due: nobody's place in line is taken by what cannot be claimed."""

from datetime import timedelta

from tests.integration.state.world import ALL_LANES, JOIN, World, use

_LOOK = "select fence from claim_next(%s::text[], %s, null, false)"
_FREE = """
select count(*) from (
  select from steps where job_id = %s and status = 'ready' for update skip locked) as free"""


def test_looking_for_work_locks_no_step_of_a_job_that_somebody_holds(world: World) -> None:
    world.end_all()
    job = world.submit()
    world.plan(job, use(), use())
    with world.database.transaction() as holder, world.database.transaction() as looker:
        holder.execute("select from jobs where job_id = %s for update", (job,))
        assert looker.execute(_LOOK, (list(ALL_LANES), world.worker)).fetchone() is None
        assert world.one(_FREE, job) == 2


def test_a_job_that_cannot_pay_leaves_none_of_its_steps_in_line(world: World) -> None:
    job = world.submit(allowance=10)
    world.plan(job, use(hold=20), use(), use())
    assert world.claims.named(world.tenant, job, 1) is None
    assert (world.status(job), world.job(job, "status_detail")) == ("paused", "budget")
    assert world.steps(job) == ["done", "paused", "paused", "paused"]


def test_overdue_steps_of_one_lane_do_not_stand_before_those_of_another(world: World) -> None:
    world.end_all()
    judged = world.submit()
    world.plan(judged, use())
    world.record(world.claim(judged, 1), JOIN)
    world.submit()
    world.submit()
    world.one("update steps set ring_at = created_at where status = 'ready'")
    with world.database.connection() as connection:
        rung = connection.execute("select lane from ring_again(1, '{}')").fetchall()
    assert sorted(rung) == [("evaluate",), ("plan",)]


def test_a_step_whose_rings_are_lost_is_rung_for_soon_again_where_nothing_waits(
    world: World,
) -> None:
    world.end_all()
    job = world.submit()
    waits = []
    for _ in range(4):
        world.one("update steps set ring_at = created_at where job_id = %s", job)
        begun = world.now()
        world.sweeps.overdue([])
        waits.append(world.step(job, 0, "ring_at") - begun)
    for wait, seconds in zip(waits, (3, 6, 12, 24), strict=True):
        assert timedelta(0) <= wait - timedelta(seconds=seconds) < timedelta(seconds=2.5)


def test_a_job_past_its_deadline_is_not_begun_though_nobody_has_ended_it_yet(world: World) -> None:
    world.end_all()
    job = world.submit(deadline=timedelta(milliseconds=1))
    world.one("select pg_sleep(0.01)")  # a claim may come sooner than a deadline of 1 ms
    assert world.claims.named(world.tenant, job, 0) is None
    assert world.claims.next(ALL_LANES) is None
    world.sweeps.deadlines()
    assert world.status(job) == "failed"
