"""What people and deadlines ask of a job: stop, pause, resume, release."""

from datetime import timedelta
from uuid import UUID

import pytest

from agent_workers.domain.claim import RecordResult
from agent_workers.domain.effect import EffectClass, Says
from agent_workers.domain.errors import IllegalMove, JobNotFound
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.state.jobs.controls import Controls
from tests.integration.state.acting import allow, say
from tests.integration.state.invariants import broken
from tests.integration.state.world import AGAIN, FINISH, JOIN, World, use


@pytest.fixture(autouse=True)
def _whole(world: World):
    yield
    assert broken(world.database) == {}


def test_a_job_that_nobody_works_on_is_canceled_at_once(world: World) -> None:
    job = world.submit()
    assert world.cancel(job) == "canceled"
    assert world.cancel(job) == "canceled"
    assert (world.steps(job), world.journal(job)) == (["canceled"], ["queued", "canceled"])
    assert world.claims.named(world.tenant, job, 0) is None


def test_a_canceled_job_ends_when_its_last_claimed_step_records(world: World) -> None:
    job = world.submit()
    world.plan(job, use(), use(), use())
    first, second = world.claim(job, 1), world.claim(job, 2)
    assert world.cancel(job) == "canceling"
    assert world.steps(job) == ["done", "claimed", "claimed", "canceled"]
    assert world.record(first, JOIN).status == "canceling"
    assert world.record(second, JOIN).status == "canceled"
    assert world.journal(job)[-1] == "canceled"
    assert world.steps(job) == ["done", "done", "done", "canceled"]


def test_a_canceled_job_ends_when_its_step_fails_or_is_handed_back(world: World) -> None:
    failing, handed = world.submit(), world.submit()
    first, second = world.claim(failing), world.claim(handed)
    world.cancel(failing)
    world.cancel(handed)
    assert world.record(first, AGAIN).result is RecordResult.RECORDED
    assert world.records.stand_down(second) == "canceled"
    assert (world.status(failing), world.status(handed)) == ("canceled", "canceled")


def test_a_canceled_job_ends_when_its_worker_is_dead_even_at_a_poisonous_step(
    world: World,
) -> None:
    job = world.submit()
    claimed = world.claim(job)
    world.one("update steps set deaths = 2 where job_id = %s", job)
    world.cancel(job)
    world.expire(claimed)
    world.sweeps.expired()
    assert (world.status(job), world.steps(job)) == ("canceled", ["canceled"])


def test_a_step_handed_back_is_ready_again_and_counts_as_no_failure(world: World) -> None:
    job = world.submit()
    assert world.records.stand_down(world.claim(job)) == "ready"
    again = world.claim(job)
    assert (again.fence, again.tries) == (2, 0)


def test_a_paused_job_is_not_claimed_until_it_is_resumed(world: World) -> None:
    job = world.submit()
    assert world.pause(job) == "paused"
    assert world.pause(job) == "paused"
    assert world.claims.named(world.tenant, job, 0) is None
    assert world.control("resume_job", job) == "queued"
    assert world.control("resume_job", job) == "queued"
    assert world.claim(job).fence == 1
    assert world.journal(job) == ["queued", "paused", "resumed", "started"]


def test_a_job_that_is_paused_while_a_step_is_done_keeps_its_outcome(world: World) -> None:
    job = world.submit()
    claimed = world.claim(job)
    world.pause(job)
    assert world.record(claimed, AGAIN).result is RecordResult.RECORDED
    assert world.steps(job) == ["paused"]
    assert world.control("resume_job", job) == "running"
    ended = world.record(world.claim(job), FINISH)
    assert ended.status == "succeeded"


def test_a_paused_job_can_still_end_or_be_canceled(world: World) -> None:
    ending, canceled = world.submit(), world.submit()
    claimed = world.claim(ending)
    world.pause(ending)
    world.pause(canceled)
    assert world.record(claimed, FINISH).status == "succeeded"
    assert world.cancel(canceled) == "canceled"


def test_a_job_ends_at_its_deadline_whatever_pure_work_goes_on(world: World) -> None:
    job = world.submit(deadline=timedelta(hours=1))
    claimed = world.claim(job)
    world.one("update timers set due_at = clock_timestamp() where job_id = %s", job)
    assert job in world.sweeps.deadlines()
    assert world.status(job) == "failed"
    assert b"deadline_exceeded" in world.job(job, "error")
    assert world.record(claimed, FINISH).result is RecordResult.ENDED
    assert job not in world.sweeps.deadlines()


def test_a_deadline_waits_for_the_evidence_of_a_live_permit(world: World) -> None:
    job = world.submit(deadline=timedelta(hours=1))
    world.plan(job, use(EffectClass.UNSAFE), use())
    acting, _ = world.claim(job, 1), world.claim(job, 2)
    allow(world, acting)
    world.one("update timers set due_at = '2000-01-01' where job_id = %s", job)
    assert job in world.sweeps.deadlines()
    assert (world.status(job), world.steps(job)) == (
        "canceling",
        ["done", "claimed", "canceled"],
    )
    say(world, acting, Says.HAPPENED, result=b"1")
    recorded = world.record(acting, JOIN)
    assert (recorded.status, recorded.code) == ("failed", "deadline_exceeded")
    assert b"deadline_exceeded" in world.job(job, "error")


def test_a_deadline_passes_over_a_job_that_somebody_holds(world: World) -> None:
    job = world.submit(deadline=timedelta(0))
    with world.database.transaction() as other:
        other.execute("select 1 from jobs where job_id = %s for no key update", (job,))
        assert job not in world.sweeps.deadlines()
    assert job in world.sweeps.deadlines()


def test_a_right_to_act_that_is_left_behind_by_a_stop_is_in_doubt(world: World) -> None:
    claimed = world.acting()
    key = allow(world, claimed)
    world.expire(claimed)
    world.sweeps.expired()
    assert world.cancel(claimed.job_id) == "canceled"
    assert world.one("select state from effects where effect_key = %s", key) == "in_doubt"


def test_poison_goes_to_quarantine_until_an_operator_releases_it(world: World) -> None:
    job = world.submit()
    world.plan(job, use(), use())
    for _ in range(3):
        world.expire(world.claim(job, 1))
        world.sweeps.expired()
    assert (world.status(job), world.steps(job)) == (
        "quarantined",
        ["done", "quarantined", "ready"],
    )
    world.record(world.claim(job, 2), JOIN)
    controls = Controls(world.database)
    changed = controls.release(world.tenant, job, 1)
    assert (changed.status, [due.position for due in changed.due]) == ("running", [1])
    assert world.step(job, 1, "deaths") == 0
    with pytest.raises(IllegalMove):
        controls.release(world.tenant, job, 1)


def test_poison_can_be_released_while_its_job_is_paused(world: World) -> None:
    job = world.submit()
    for _ in range(3):
        world.expire(world.claim(job))
        world.sweeps.expired()
    world.pause(job)
    assert world.control("release_step", job, 0) == "paused"
    assert world.steps(job) == ["paused"]
    assert world.control("resume_job", job) == "running"
    world.cancel(job)


def test_a_job_that_is_not_there_is_not_found(world: World) -> None:
    controls = Controls(world.database)
    with pytest.raises(JobNotFound):
        controls.stop(world.tenant, JobId(UUID(int=1)), reason="", now=False)
    job = world.submit()
    with pytest.raises(JobNotFound):
        controls.pause(TenantId("another"), job, reason="")
    assert controls.pause(world.tenant, job, reason="").status == "paused"
    assert controls.resume(world.tenant, job).due[0].position == 0
    assert controls.stop(world.tenant, job, reason="x", now=True).status == "canceled"
