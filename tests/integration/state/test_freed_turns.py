"""Turns that are stuck no more: answered, paused, stuck again, failed, and what is left of them."""

import pytest

from agent_workers.domain import codec
from agent_workers.domain.decision import Fail
from agent_workers.domain.effect import EffectClass, Says
from agent_workers.domain.ids import JobId
from agent_workers.domain.step import GaveUp
from agent_workers.state.jobs.controls import Controls, GivenVerdict
from tests.integration.state.acting import allow, doubt, effect, say
from tests.integration.state.sticking import (
    FAIL,
    SKIP,
    agent,
    behind,
    in_doubt,
    in_quarantine,
    let_pass,
    look,
    submit,
    told,
    turns,
    watched,
)
from tests.integration.state.world import FINISH, World, use

GIVE_UP = GaveUp(code="gave_up", message="no way")


pytestmark = pytest.mark.usefixtures("whole")


def test_a_job_whose_doubt_was_answered_in_time_keeps_its_turn(world: World) -> None:
    first, second = submit(world, agent(world, FAIL)), submit(world)
    claimed = in_doubt(world, first)
    look(world)
    say(world, claimed, Says.HAPPENED, result=b'"paid"')
    assert watched(world, first) == []
    let_pass(world, 900)
    look(world)
    assert (turns(world), behind(world, second)["since"]) == (["now", "waiting"], None)
    world.record(world.claim(first, 1), FINISH)
    assert turns(world) == ["over", "now"]


def test_a_job_that_gets_stuck_again_has_its_time_again(world: World) -> None:
    first, _ = submit(world, agent(world, SKIP)), submit(world)
    in_quarantine(world, first)
    look(world)
    let_pass(world, 899)
    world.control("release_step", first, 0)
    in_quarantine(world, first)
    look(world)
    let_pass(world, 1)
    look(world)
    assert (turns(world), told(world, first)) == (["now", "waiting"], ["turn_stuck"] * 2)


def test_a_paused_job_is_not_stuck_and_has_its_time_again_when_it_is_resumed(world: World) -> None:
    first, second = submit(world, agent(world, SKIP)), submit(world)
    in_doubt(world, first)
    look(world)
    world.pause(first)
    let_pass(world, 900)
    look(world)
    assert (turns(world), behind(world, second)["since"]) == (["now", "waiting"], None)
    world.control("resume_job", first)
    look(world)
    assert turns(world) == ["now", "waiting"]
    let_pass(world, 900)
    look(world)
    assert turns(world) == ["skipped", "now"]


def test_a_stuck_job_that_is_canceled_gives_its_turn_away_and_leaves_no_timer(world: World) -> None:
    first, second = submit(world, agent(world, SKIP)), submit(world)
    in_doubt(world, first)
    look(world)
    world.cancel(first)
    assert (turns(world), watched(world, first)) == (["over", "now"], [])
    let_pass(world, 900)
    look(world)
    world.record(world.claim(second), FINISH)


def test_the_doubt_of_a_job_that_failed_is_still_answered(world: World) -> None:
    first, _ = submit(world, agent(world, FAIL)), submit(world)
    claimed = in_doubt(world, first)
    look(world)
    let_pass(world, 900)
    look(world)
    assert effect(world, claimed) == "in_doubt"
    judge(world, first)
    assert (effect(world, claimed), world.status(first)) == ("done", "failed")
    assert world.journal(first)[-1] == "effect.evidence_late"


def judge(world: World, job: JobId) -> None:
    """Let a person say that the effect of a job has happened."""
    key = world.one("select effect_key from effects where job_id = %s", job)
    Controls(world.database).give_verdict(
        *(world.tenant, key),
        verdict=GivenVerdict.HAPPENED,
        result=b'"paid"',
        by="ann",
        reason="I looked",
    )


def test_a_stuck_job_that_another_of_its_steps_fails_leaves_no_timer(world: World) -> None:
    first, second = submit(world, agent(world, SKIP)), submit(world)
    world.plan(first, use(EffectClass.UNSAFE), use())
    claimed, sibling = world.claim(first, 1), world.claim(first, 2)
    allow(world, claimed)
    assert doubt(world, claimed) == "in_doubt"
    look(world)
    decision = Fail(outcome=GIVE_UP, code="gave_up", message="no way")
    world.records.record(sibling, decision, written=codec.encode(GIVE_UP))
    assert (world.status(first), watched(world, first)) == ("failed", [])
    world.record(world.claim(second), FINISH)
