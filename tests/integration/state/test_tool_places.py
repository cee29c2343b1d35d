"""Places among a tool's calls in Postgres: exact, and free once whoever held one is gone."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from agent_workers.domain.ids import JobId
from tests.integration.state.placing import LONG, places, step, wait_for_a_place
from tests.integration.state.world import World


def is_due(world: World, job: JobId) -> bool:
    return bool(world.step(job, 1, "due_at <= clock_timestamp()"))


def test_there_are_as_many_places_as_are_said_and_no_more(world: World, tool: str) -> None:
    first, second, third = (step(world, tool) for _ in range(3))
    store = places(world)
    taken = [store.take(one, most=2, longest=LONG) for one in (first, second, third)]
    assert taken == [True, True, False]
    assert store.take(replace(first, tool=f"{tool}_2"), most=1, longest=LONG)
    store.leave(first, most=2)
    assert store.take(third, most=2, longest=LONG)


def test_who_takes_a_place_again_because_it_heard_nothing_has_one_place(
    world: World, tool: str
) -> None:
    first, second = step(world, tool), step(world, tool)
    store = places(world)
    assert store.take(first, most=1, longest=LONG)
    assert store.take(first, most=1, longest=LONG)
    store.leave(first, most=1)
    assert store.take(second, most=1, longest=LONG)


def test_of_many_that_come_at_once_no_more_get_in(world: World, tool: str) -> None:
    first = step(world, tool)
    many = [replace(first, position=n) for n in range(40)]
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda one: places(world).take(one, most=3, longest=LONG), many))
    assert taken.count(True) == 3


def test_whoever_lost_a_step_keeps_the_place_of_its_own_call(world: World, tool: str) -> None:
    before = step(world, tool)
    after = replace(before, fence=before.fence + 1)
    store = places(world)
    assert store.take(before, most=1, longest=LONG)
    assert not store.take(after, most=1, longest=LONG)
    assert store.leave(after, most=1) == []
    assert not store.take(after, most=1, longest=LONG)


def test_a_place_is_free_when_the_longest_call_would_be_over(world: World, tool: str) -> None:
    store = places(world)
    assert store.take(step(world, tool), most=1, longest=timedelta(milliseconds=1))
    world.one("select pg_sleep(0.01)")
    assert store.take(step(world, tool), most=1, longest=LONG)


@pytest.mark.parametrize(
    "is_gone",
    [
        "update workers set lost_at = clock_timestamp() - interval '6 s' where worker_id = %s",
        "delete from workers where worker_id = %s",
    ],
)
def test_the_places_of_a_worker_that_is_gone_are_free(
    world: World, tool: str, is_gone: str
) -> None:
    world.one(
        "insert into workers (worker_id, lock_key, host, pid, pid_started, lanes)"
        " values (%s, 1, 'here', 1, 1, 'tool')",
        world.worker,
    )
    store = places(world)
    assert store.take(step(world, tool), most=1, longest=LONG)
    assert not store.take(step(world, tool), most=1, longest=LONG)
    world.one("update workers set lost_at = clock_timestamp() where worker_id = %s", world.worker)
    assert not store.take(step(world, tool), most=1, longest=LONG)
    world.one(is_gone, world.worker)
    assert store.take(step(world, tool), most=1, longest=LONG)


def test_whoever_leaves_wakes_the_one_that_has_waited_the_longest(world: World, tool: str) -> None:
    held, store = step(world, tool), places(world)
    store.take(held, most=1, longest=LONG)
    first, second = (wait_for_a_place(world, tool) for _ in range(2))
    [due] = store.leave(held, most=1)
    assert (due.job_id, due.position, due.high) == (first, 1, True)
    assert (is_due(world, first), is_due(world, second)) == (True, False)
    assert store.leave(held, most=1) == []


def test_what_was_canceled_or_paused_meanwhile_is_passed_over(world: World, tool: str) -> None:
    held, store = step(world, tool), places(world)
    store.take(held, most=1, longest=LONG)
    canceled, paused, last = (wait_for_a_place(world, tool) for _ in range(3))
    world.cancel(canceled)
    world.pause(paused)
    assert [due.job_id for due in store.leave(held, most=1)] == [last]


def test_a_step_that_waits_for_a_place_uses_up_nothing_and_says_what_it_waits_for(
    world: World, tool: str
) -> None:
    job = wait_for_a_place(world, tool)
    assert world.status(job) == "waiting"
    assert world.step(job, 1, "status, tries, lease_until") == ("ready", 0, None)
    told = world.one(
        "select convert_from(data, 'UTF8')::jsonb from journal where job_id = %s"
        " and type = 'waiting'",
        job,
    )
    assert (told["component"], told["for"], told["key"]) == ("tool_router", "place", tool)
