"""One tenant never has all places, and nobody waits behind another tenant's queue."""

import random
from collections import Counter

import pytest

from agent_workers.domain.ids import TenantId
from api.process.places import Places

A, B, C = TenantId("a"), TenantId("b"), TenantId("c")


def filled(slots: int = 8, *, waiting: int = 0) -> Places[str]:
    """Places of which A has all that it may have."""
    places: Places[str] = Places(slots)
    while places.take(A):
        pass
    for number in range(waiting):
        assert places.wait(A, f"a{number}")
    return places


@pytest.mark.parametrize(("slots", "left"), [(1, 0), (2, 0), (3, 0), (4, 1), (8, 2), (16, 4)])
def test_who_is_alone_has_all_but_a_few(slots: int, left: int):
    assert filled(slots).free == left


def test_two_newcomers_find_a_place_each_at_once():
    places = filled(waiting=100)
    assert places.take(B)
    assert places.take(C)
    assert not places.take(B)


def test_a_place_that_comes_free_goes_to_who_has_the_fewest():
    places = filled(waiting=100)
    assert places.take(B)
    assert places.take(B)
    assert places.wait(B, "b")
    assert places.wait(C, "c")
    assert places.leave(A) == ["c"]
    assert places.leave(A) == ["b"]


def test_tenants_that_hold_as_many_take_turns():
    places: Places[str] = Places(1)
    assert places.take(A)
    for name in ("b1", "b2", "b3"):
        assert places.wait(B, name)
    for name in ("c1", "c2"):
        assert places.wait(C, name)
    assert [places.leave(who) for who in (A, B, C, B, C)] == [
        ["b1"],
        ["c1"],
        ["b2"],
        ["c2"],
        ["b3"],
    ]


def test_nobody_overtakes_who_waits_of_the_same_tenant():
    places = filled(waiting=1)
    assert places.leave(A) == ["a0"]
    assert places.wait(A, "a1")
    assert not places.take(A)
    assert places.leave(A) == ["a1"]


def test_only_so_many_of_one_tenant_wait():
    places: Places[str] = Places(1, most_waiting=2)
    assert places.take(A)
    assert [places.wait(A, name) for name in ("a0", "a1", "a2")] == [True, True, False]
    assert places.wait(B, "b")


def test_who_gives_up_is_let_in_no_more():
    places = filled(waiting=2)
    places.give_up(A, "a0")
    assert places.leave(A) == ["a1"]
    assert places.leave(A) == []


@pytest.mark.parametrize("seed", range(5))
def test_whatever_comes_and_goes_no_place_is_lost(seed: int):
    chance, places = random.Random(seed), Places[tuple[str, int]](8, most_waiting=5)
    held, waiting = Counter[TenantId](), dict.fromkeys((A, B, C), 0)
    for number in range(3_000):
        who = chance.choice((A, B, C))
        if chance.random() < 0.5 and held[who]:
            held[who] -= 1
            for name, _ in places.leave(who):
                held[TenantId(name)] += 1
                waiting[TenantId(name)] -= 1
        elif places.take(who):
            held[who] += 1
        elif places.wait(who, (who, number)):
            waiting[who] += 1
        assert places.free + held.total() == 8
        idle = [one for one in waiting if waiting[one] and held[one] < 3 * places.free]
        assert not idle, "a place is free for one that waits"
