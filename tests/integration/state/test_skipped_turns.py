"""Skipped turns: their jobs live on in nobody's way, and may come back to life and end."""

import pytest

from agent_workers.domain.claim import Claimed
from agent_workers.domain.effect import Says
from agent_workers.domain.ids import JobId
from agent_workers.domain.memory.session import OnBusy
from tests.integration.state.acting import say
from tests.integration.state.sticking import (
    SKIP,
    S,
    agent,
    in_doubt,
    let_pass,
    look,
    submit,
    turns,
    watched,
)
from tests.integration.state.world import FINISH, World

pytestmark = pytest.mark.usefixtures("whole")


def skipped(world: World) -> tuple[Claimed, JobId]:
    """A job whose turn was skipped, and the one that has its turn now."""
    first, second = submit(world, agent(world, SKIP)), submit(world)
    claimed = in_doubt(world, first)
    look(world)
    let_pass(world, 900)
    look(world)
    assert turns(world) == ["skipped", "now"]
    return claimed, second


def said(world: World) -> list[str]:
    sql = (
        "select array_agg(turn || ' ' || role order by turn, part) from session_messages"
        " where tenant_id = %s"
    )
    return list(world.one(sql, world.tenant))


def version(world: World) -> object:
    return world.one("select version from sessions where tenant_id = %s", world.tenant)


def test_a_skipped_job_that_ends_takes_no_turn_away_and_gives_none(world: World) -> None:
    stuck, second = skipped(world)
    third = submit(world)
    running = world.claim(second)
    say(world, stuck, Says.HAPPENED, result=b'"paid"')
    world.record(world.claim(stuck.job_id, 1), FINISH)
    assert turns(world) == ["over", "now", "waiting"]
    world.record(running, FINISH)
    world.record(world.claim(third), FINISH)


def test_what_it_answers_late_stands_at_its_own_turn_and_is_read_anew(world: World) -> None:
    stuck, second = skipped(world)
    before = version(world)
    world.record(world.claim(second), FINISH)
    assert version(world) == before
    say(world, stuck, Says.HAPPENED, result=b'"paid"')
    world.record(world.claim(stuck.job_id, 1), FINISH)
    assert said(world) == ["1 user", "1 assistant", "2 user", "2 assistant"]
    assert version(world) != before


def test_a_skipped_job_that_gets_stuck_again_is_in_nobodys_way(world: World) -> None:
    stuck, second = skipped(world)
    world.pause(stuck.job_id)
    world.control("resume_job", stuck.job_id)
    look(world)
    assert (turns(world), watched(world, stuck.job_id)) == (["skipped", "now"], [])
    world.record(world.claim(second), FINISH)


def test_a_session_is_not_busy_with_a_skipped_job_and_interrupts_none(world: World) -> None:
    stuck, second = skipped(world)
    world.record(world.claim(second), FINISH)
    third = submit(world, on_busy=OnBusy.REJECT)
    fourth = submit(world, on_busy=OnBusy.INTERRUPT)
    look(world)
    assert world.status(third) == "canceled"
    assert world.status(stuck.job_id) == "in_doubt"
    world.record(world.claim(fourth), FINISH)


def test_a_session_lasts_until_its_skipped_job_has_ended(world: World) -> None:
    stuck, second = skipped(world)
    world.record(world.claim(second), FINISH)
    world.one("update sessions set used_at = '2000-01-01', look_at = '2000-01-01'")
    look(world)
    look_at = "select look_at::text from sessions where tenant_id = %s and session_id = %s"
    assert world.one(look_at, world.tenant, S) == "infinity", "or it is looked at over and over"
    world.cancel(stuck.job_id)
    assert world.one(look_at, world.tenant, S) > str(world.now())


def test_the_doubt_of_a_skipped_job_ends_with_it(world: World) -> None:
    stuck, second = skipped(world)
    world.cancel(stuck.job_id)
    assert (turns(world), world.status(stuck.job_id)) == (["over", "now"], "canceled")
    world.record(world.claim(second), FINISH)
