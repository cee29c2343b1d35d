"""Keepers look at a stuck turn, whatever happens between the moment they should and the look."""

import time
from collections.abc import Callable

import pytest

from agent_workers.domain.effect import EffectClass
from tests.integration.state.acting import allow, doubt
from tests.integration.state.sticking import (
    FAIL,
    SKIP,
    S,
    agent,
    in_doubt,
    look,
    submit,
    told,
    turns,
)
from tests.integration.state.world import World, use

_MESSAGE = f"select add_message(%s, '{S}', null, 60, gen_random_uuid(), 'user', '1', null, '')"
_PATIENCE_S = 10.0


pytestmark = pytest.mark.usefixtures("whole")


def say_something(world: World) -> None:
    world.one(_MESSAGE, world.tenant)


def submit_and_cancel(world: World) -> None:
    world.cancel(submit(world))


@pytest.mark.parametrize("disturb", [say_something, submit_and_cancel])
def test_what_happens_before_the_keeper_looks_hides_nobody_who_waits(
    world: World, disturb: Callable[[World], None]
) -> None:
    first = submit(world, agent(world, SKIP))
    in_doubt(world, first)
    look(world)
    submit(world)
    disturb(world)
    look(world)
    assert told(world, first) == ["turn_stuck"]


def test_who_holds_the_timer_and_gives_up_hides_nobody_who_waits(world: World) -> None:
    first = submit(world, agent(world, SKIP))
    in_doubt(world, first)
    look(world)
    submit(world)
    with world.database.alone() as other:
        other.execute("begin")
        other.execute("delete from timers where job_id = %s and kind = 'stuck'", (first,))
        look(world)
        other.execute("rollback")
    assert told(world, first) == []
    until = time.monotonic() + _PATIENCE_S
    while not told(world, first) and time.monotonic() < until:
        look(world)
    assert told(world, first) == ["turn_stuck"]


def test_a_job_that_fails_with_another_effect_under_way_gives_its_turn_away_at_once(
    world: World,
) -> None:
    first = submit(world, agent(world, FAIL, seconds=0.001))
    world.plan(first, use(EffectClass.UNSAFE), use(EffectClass.RECONCILABLE))
    unsafe, under_way = world.claim(first, 1), world.claim(first, 2)
    allow(world, unsafe)
    allow(world, under_way)
    assert doubt(world, unsafe) == "in_doubt"
    submit(world)
    for _ in range(3):
        look(world)
    assert world.status(first) == "canceling"
    assert turns(world) == ["skipped", "now"]
