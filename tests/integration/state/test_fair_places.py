"""A tool's places are shared by tenants: whoever holds the fewest is next, and is not waited for long."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from agent_workers.domain.claim import Claimed, Due
from tests.integration.state.placing import (
    LONG,
    come,
    park,
    pass_time,
    places,
    step,
    wait_for_a_place,
)
from tests.integration.state.world import World

_IN = "select count(*) from tool_places where tool = %s and worker_id is not null"


def take(world: World, claimed: Claimed, *, most: int = 1) -> bool:
    return places(world).take(claimed, most=most, longest=LONG)


def hold(world: World, tool: str, *, most: int = 1) -> Claimed:
    claimed = step(world, tool)
    assert take(world, claimed, most=most)
    return claimed


def leave(world: World, claimed: Claimed, *, most: int = 1) -> Sequence[Due]:
    return places(world).leave(claimed, most=most)


def test_a_place_goes_to_the_tenant_that_holds_the_fewest_not_to_who_came_first(
    worlds: Sequence[World], tool: str
) -> None:
    many, one, leaving = worlds
    hold(many, tool, most=2)
    left = hold(leaving, tool, most=2)
    for _ in range(3):
        wait_for_a_place(many, tool)
    last = wait_for_a_place(one, tool)
    assert [due.job_id for due in leave(leaving, left, most=2)] == [last]


def test_tenants_that_hold_the_same_take_turns_and_each_ones_oldest_call_is_next(
    worlds: Sequence[World], tool: str
) -> None:
    held = (worlds[0], hold(worlds[0], tool))
    waiting = {world: [wait_for_a_place(world, tool) for _ in range(2)] for world in worlds}
    came = []
    for _ in range(6):
        [due] = leave(*held)
        world = next(world for world in worlds if world.tenant == due.tenant_id)
        claimed = come(world, due.job_id, tool)
        assert take(world, claimed)
        held = (world, claimed)
        came.append(due.job_id)
    a, b, c = (waiting[world] for world in worlds)
    assert came == [b[0], c[0], a[0], b[1], c[1], a[1]]


def test_a_place_is_kept_for_a_tenant_whichever_call_of_it_comes_first(
    worlds: Sequence[World], tool: str
) -> None:
    flood, other, _ = worlds
    left, its_next, of_other = hold(flood, tool), step(flood, tool), step(other, tool)
    woken = wait_for_a_place(other, tool)
    leave(flood, left)
    assert not take(flood, its_next)
    assert take(other, of_other)
    assert not take(other, come(other, woken, tool))


def test_a_place_for_a_call_that_does_not_come_is_soon_free_for_all(
    worlds: Sequence[World], tool: str
) -> None:
    flood, other, _ = worlds
    left, its_next = hold(flood, tool), step(flood, tool)
    canceled = wait_for_a_place(other, tool)
    leave(flood, left)
    other.cancel(canceled)
    assert not take(flood, its_next)
    pass_time(flood, tool, "3 seconds")
    assert take(flood, its_next)


def test_who_was_woken_in_vain_is_not_woken_again_before_others_until_a_call_has_come(
    worlds: Sequence[World], tool: str
) -> None:
    flood, absent, _ = worlds
    left = hold(flood, tool)
    away = [wait_for_a_place(absent, tool) for _ in range(3)]
    here = [wait_for_a_place(flood, tool) for _ in range(3)]
    assert [due.job_id for due in leave(flood, left)] == [away[0]]
    pass_time(flood, tool, "3 seconds")
    left = hold(flood, tool)
    assert [due.job_id for due in leave(flood, left)] == [here[0]]
    left = come(flood, here[0], tool)
    assert take(flood, left)
    late = come(absent, away[0], tool)
    assert not take(absent, late)
    park(absent, late)
    assert [due.job_id for due in leave(flood, left)] == [away[0]]


def test_who_was_woken_in_vain_has_its_turn_again_after_a_minute(
    worlds: Sequence[World], tool: str
) -> None:
    flood, absent, _ = worlds
    left = hold(flood, tool)
    away = [wait_for_a_place(absent, tool) for _ in range(2)]
    wait_for_a_place(flood, tool)
    leave(flood, left)
    pass_time(flood, tool, "63 seconds")
    assert [due.job_id for due in leave(flood, hold(flood, tool))] == [away[1]]


def test_a_call_that_somebody_holds_is_passed_over(worlds: Sequence[World], tool: str) -> None:
    flood, other, _ = worlds
    left = hold(flood, tool)
    held, free = wait_for_a_place(other, tool), wait_for_a_place(flood, tool)
    with other.database.connection() as another, another.transaction():
        another.execute("select from steps where job_id = %s for update", (held,))
        assert [due.job_id for due in leave(flood, left)] == [free]


def test_a_newcomer_of_a_tenant_that_holds_some_does_not_come_before_one_that_waits_with_fewer(
    worlds: Sequence[World], tool: str
) -> None:
    flood, other, _ = worlds
    hold(flood, tool, most=2)
    # It found all places taken, one of which was left before it was parked.
    waits = wait_for_a_place(other, tool)
    assert not take(flood, step(flood, tool), most=2)
    assert take(other, come(other, waits, tool), most=2)


def test_a_newcomer_has_what_is_left_when_those_that_wait_with_fewer_have_theirs(
    worlds: Sequence[World], tool: str
) -> None:
    flood, other, _ = worlds
    hold(flood, tool, most=3)
    wait_for_a_place(other, tool)
    assert take(flood, step(flood, tool), most=3)
    assert not take(flood, step(flood, tool), most=3)


def test_a_tool_that_may_have_fewer_calls_than_before_gives_no_place_on_until_it_has(
    worlds: Sequence[World], tool: str
) -> None:
    flood, other, _ = worlds
    first, second = (hold(flood, tool, most=2) for _ in range(2))
    wait_for_a_place(other, tool)
    assert list(leave(flood, first, most=1)) == []
    assert len(leave(flood, second, most=1)) == 1


def test_calls_that_come_and_leave_at_once_never_are_too_many_nor_in_each_others_way(
    worlds: Sequence[World], tool: str
) -> None:
    for world in worlds:
        for _ in range(5):
            wait_for_a_place(world, tool)
    calls = [(world, step(world, tool)) for world in worlds]
    many = [(world, replace(call, position=n)) for n in range(10, 30) for world, call in calls]

    def call_it(world: World, claimed: Claimed) -> int:
        if not take(world, claimed, most=3):
            return 0
        at_once: int = world.one(_IN, tool)
        leave(world, claimed, most=3)
        return at_once

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(call_it, *zip(*many, strict=True)))
    assert 1 <= max(seen) <= 3
