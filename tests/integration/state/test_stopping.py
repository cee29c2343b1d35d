"""Stopping a job while a right to act is out: no end without evidence or doubt."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from agent_workers.domain.decision import TryAgain
from agent_workers.domain.effect import EffectClass, PermitMode, Says, Source
from agent_workers.domain.ids import JobId
from tests.integration.state.acting import allow, ask, effect, grant, quiet, say
from tests.integration.state.invariants import broken
from tests.integration.state.world import AGAIN, FINISH, JOIN, World, use

QUIET = TryAgain(delay=timedelta(0), code="quiet", message="a permit may act", counts=False)


@pytest.fixture(autouse=True)
def _whole(world: World) -> Iterator[None]:
    yield
    assert broken(world.database) == {}


def test_an_unclear_reply_while_the_job_is_being_canceled_is_a_doubt(world: World) -> None:
    claimed = world.acting()
    allow(world, claimed)
    assert world.cancel(claimed.job_id) == "canceling"
    say(world, claimed, Says.UNKNOWN)
    world.record(claimed, AGAIN)
    assert world.status(claimed.job_id) == "canceled"
    assert effect(world, claimed) == "in_doubt"


def test_a_step_given_back_while_its_job_is_canceled_leaves_a_doubt(world: World) -> None:
    claimed = world.acting()
    allow(world, claimed)
    world.cancel(claimed.job_id)
    assert world.records.stand_down(claimed) == "canceled"
    assert effect(world, claimed) == "in_doubt"
    say(world, claimed, Says.HAPPENED, result=b"1")
    assert effect(world, claimed) == "done"


@pytest.mark.parametrize("cls", [EffectClass.KEYED, EffectClass.RECONCILABLE])
def test_what_can_be_found_out_is_found_out_although_the_job_is_canceled(
    world: World, cls: EffectClass
) -> None:
    job = between_attempts(world, cls)
    assert world.cancel(job) == "canceling"
    assert (world.steps(job)[1], effect_of(world, job)) == ("ready", "intended")
    second = world.claim(job, 1)
    assert ask(world, second).result == "settling"
    say(world, second, Says.HAPPENED, result=b"1")
    assert world.record(second, JOIN).status == "canceled"
    assert (world.steps(job)[1], effect_of(world, job)) == ("done", "done")
    assert "in_doubt" not in world.journal(job)


def test_what_nobody_can_find_out_is_in_doubt_at_once_and_the_journal_says_why(
    world: World,
) -> None:
    job = between_attempts(world, EffectClass.UNSAFE)
    assert world.cancel(job) == "canceled"
    assert (effect_of(world, job), doubts(world, job)) == ("in_doubt", ["enough"])


def test_a_canceled_job_without_an_open_attempt_ends_at_once(world: World) -> None:
    job = between_attempts(world, EffectClass.KEYED, says=Says.NOT_EXECUTED)
    assert world.cancel(job) == "canceled"
    assert (effect_of(world, job), doubts(world, job)) == ("intended", [])


def test_a_step_that_settles_goes_on_when_it_fails_is_handed_back_or_loses_its_worker(
    world: World,
) -> None:
    job = between_attempts(world, EffectClass.RECONCILABLE)
    world.one("update steps set tries = 9 where job_id = %s and position = 1", job)
    world.cancel(job)
    first = world.claim(job, 1)
    assert first.tries == 0
    world.record(first, AGAIN)
    world.make_due(job, 1)
    second = world.claim(job, 1)
    assert second.tries == 1
    assert world.records.stand_down(second) == "ready"
    third = world.claim(job, 1)
    world.expire(third)
    assert [ring.position for ring in world.sweeps.expired() if ring.job_id == job] == [1]
    assert (world.status(job), effect_of(world, job)) == ("canceling", "intended")
    quiet(world, third)
    fourth = world.claim(job, 1)
    say(world, fourth, Says.ABSENT, source=Source.LOOKUP)
    assert ask(world, fourth).result == "stopping"
    assert world.records.stand_down(fourth) == "canceled"
    assert (world.status(job), doubts(world, job)) == ("canceled", [])


def test_a_deadline_and_a_pause_keep_nobody_from_settling(world: World) -> None:
    claimed = world.acting(EffectClass.KEYED)
    allow(world, claimed)
    say(world, claimed, Says.UNKNOWN)
    world.record(claimed, AGAIN)
    world.pause(claimed.job_id)
    world.one(
        "update jobs set deadline_at = clock_timestamp() - interval '1 s' where job_id = %s",
        claimed.job_id,
    )
    assert world.cancel(claimed.job_id) == "canceling"
    second = world.claim(claimed.job_id, 1)
    assert ask(world, second).result == "settling"
    grant(world, second, mode=PermitMode.SAME_KEY, attempt=2)
    say(world, second, Says.HAPPENED, attempt=2, result=b"1")
    assert world.record(second, JOIN).status == "canceled"


@pytest.mark.parametrize("why", ["tries = 25", "deaths = 2"])
def test_settling_ends_in_doubt_after_too_many_attempts_or_deaths(world: World, why: str) -> None:
    job = between_attempts(world, EffectClass.KEYED)
    world.cancel(job)
    world.one(f"update steps set {why} where job_id = %s and position = 1", job)
    claimed = world.claim(job, 1)
    if why.startswith("tries"):
        world.record(claimed, AGAIN)
    else:
        world.expire(claimed)
        world.sweeps.expired()
    assert (world.status(job), effect_of(world, job)) == ("canceled", "in_doubt")
    assert len(doubts(world, job)) == 1


def test_a_job_that_ends_beside_an_open_attempt_says_that_it_is_in_doubt(world: World) -> None:
    job = world.submit()
    world.plan(job, use(EffectClass.KEYED), use())
    acting, other = world.claim(job, 1), world.claim(job, 2)
    allow(world, acting)
    assert world.record(other, FINISH).status == "succeeded"
    assert effect(world, acting) == "in_doubt"
    assert doubts(world, job) == [
        "The job ended while an attempt had no answer; nobody knows whether it took effect"
    ]
    assert world.journal(job)[-1] == "succeeded"


def between_attempts(world: World, cls: EffectClass, *, says: Says = Says.UNKNOWN) -> JobId:
    """A job whose tool step has made an attempt and waits for the next one."""
    claimed = world.acting(cls)
    allow(world, claimed)
    say(world, claimed, says)
    world.record(claimed, AGAIN)
    return claimed.job_id


def effect_of(world: World, job: JobId) -> object:
    return world.one("select state from effects where job_id = %s", job)


def doubts(world: World, job: JobId) -> list[str]:
    """Give the reasons of the doubts in a job's journal; the table has the same ones."""
    sql = "select array_agg(data order by number) from journal where job_id = %s and type = %s"
    told = [json.loads(data)["reason"] for data in world.one(sql, job, "in_doubt") or []]
    sql = "select array_agg(doubt_reason) from effects where job_id = %s and state = 'in_doubt'"
    assert (world.one(sql, job) or []) == told
    return told
