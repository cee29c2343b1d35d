"""Stuck turns: what becomes of a job in doubt or in quarantine, and of those that wait behind it."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from agent_workers.domain.ids import JobId
from agent_workers.state.jobs.submissions import insert_jobs
from tests.integration.state.acting import doubt
from tests.integration.state.sticking import (
    FAIL,
    SKIP,
    S,
    agent,
    asked,
    at_work,
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
from tests.integration.state.world import FINISH, World

Stick = Callable[[World, JobId], object]
NEVER = ["infinity"]
both = pytest.mark.parametrize("stick", [in_doubt, in_quarantine])


pytestmark = pytest.mark.usefixtures("whole")


@both
def test_who_is_behind_a_stuck_job_waits_if_nothing_else_is_said(
    world: World, stick: Stick
) -> None:
    first, second = submit(world), submit(world)
    stick(world, first)
    look(world)
    let_pass(world, 100_000)
    look(world)
    assert turns(world) == ["now", "waiting"]
    assert (told(world, first), watched(world, first)) == (["turn_stuck"], NEVER)
    ahead = behind(world, second)
    assert ahead["job_id"] == f"job_{first.hex}"
    assert (ahead["status"], ahead["policy"], ahead["until"]) == (world.status(first), "wait", None)
    assert ahead["since"] is not None


def test_a_job_that_goes_on_is_not_stuck(world: World) -> None:
    first, second = submit(world, agent(world, SKIP)), submit(world)
    at_work(world, first)
    look(world)
    assert (told(world, first), watched(world, first)) == ([], [])
    ahead = behind(world, second)
    assert (ahead["status"], ahead["policy"], ahead["since"]) == ("running", "skip", None)


@both
def test_the_turn_of_a_stuck_job_is_skipped_after_its_time_and_not_before(
    world: World, stick: Stick
) -> None:
    first, second = submit(world, agent(world, SKIP, seconds=60)), submit(world)
    stick(world, first)
    status = world.status(first)
    look(world)
    let_pass(world, 50)
    look(world)
    assert turns(world) == ["now", "waiting"]
    assert behind(world, second)["until"] > behind(world, second)["since"]
    let_pass(world, 10)
    look(world)
    assert turns(world) == ["skipped", "now"]
    assert (world.status(first), watched(world, first)) == (status, [])
    assert told(world, first) == ["turn_stuck", "turn_skipped"]
    world.record(world.claim(second), FINISH)


@both
def test_a_stuck_job_fails_after_its_time_if_its_agent_says_so(world: World, stick: Stick) -> None:
    first, second = submit(world, agent(world, FAIL, seconds=60)), submit(world)
    stick(world, first)
    look(world)
    let_pass(world, 60)
    look(world)
    assert turns(world) == ["over", "now"]
    assert (world.status(first), watched(world, first)) == ("failed", [])
    assert json.loads(world.job(first, "error"))["code"] == "turn_stuck"
    world.record(world.claim(second), FINISH)


def test_nobody_is_told_of_a_stuck_job_that_nobody_waits_for(world: World) -> None:
    first = submit(world, agent(world, FAIL))
    in_doubt(world, first)
    look(world)
    assert (told(world, first), watched(world, first)) == ([], NEVER)
    submit(world)
    look(world)
    assert told(world, first) == ["turn_stuck"]
    assert world.status(first) == "in_doubt", "its time begins when somebody waits"


def test_a_job_that_comes_in_while_the_one_before_it_gets_stuck_is_seen(world: World) -> None:
    first = submit(world)
    claimed = at_work(world, first)
    with world.database.transaction() as other:
        insert_jobs(other, [asked(world)])
        assert doubt(world, claimed) == "in_doubt"
        look(world)
        assert told(world, first) == []
    look(world)
    assert told(world, first) == ["turn_stuck"]


def test_jobs_that_come_in_later_change_nothing_of_the_time(world: World) -> None:
    first, _ = submit(world, agent(world, SKIP, seconds=60)), submit(world)
    in_doubt(world, first)
    look(world)
    let_pass(world, 59)
    third = submit(world)
    look(world)
    assert (turns(world), told(world, first)) == (["now", "waiting", "waiting"], ["turn_stuck"])
    let_pass(world, 1)
    look(world)
    assert turns(world) == ["skipped", "now", "waiting"]
    assert behind(world, third)["status"] == "queued"


def test_a_turn_that_nobody_waits_for_any_more_is_kept_until_somebody_does(world: World) -> None:
    first, second = submit(world, agent(world, SKIP)), submit(world)
    in_doubt(world, first)
    look(world)
    world.cancel(second)
    let_pass(world, 900)
    look(world)
    assert (turns(world), watched(world, first)) == (["now", "over"], NEVER)
    submit(world)
    look(world)
    assert turns(world) == ["skipped", "over", "now"]
    assert told(world, first) == ["turn_stuck", "turn_skipped"]


@pytest.mark.parametrize("policy", [SKIP, FAIL])
def test_two_keepers_that_look_at_once_skip_or_fail_it_once(world: World, policy: Any) -> None:
    first = submit(world, agent(world, policy, seconds=0.001))
    in_doubt(world, first)
    look(world)
    submit(world)
    begin = Barrier(4)

    def keep() -> None:
        begin.wait()
        for _ in range(10):
            look(world)

    with ThreadPoolExecutor(4) as threads:
        for keeping in [threads.submit(keep) for _ in range(4)]:
            keeping.result()
    look(world)
    ends = ["turn_stuck", "turn_skipped"] if policy is SKIP else ["turn_stuck"]
    assert told(world, first) == ends
    assert turns(world)[1] == "now"


def test_who_holds_the_job_or_its_session_is_not_waited_for(world: World) -> None:
    first, _ = submit(world, agent(world, SKIP, seconds=0.001)), submit(world)
    in_doubt(world, first)
    for lock in (
        "select 1 from jobs where tenant_id = %s and job_id = %s for no key update",
        f"select lock_session(%s, '{S}'), %s::uuid",
    ):
        with world.database.transaction() as other:
            other.execute(lock.encode(), (world.tenant, first))
            look(world)
            assert told(world, first) == []
    look(world)
    assert told(world, first) == ["turn_stuck"]
