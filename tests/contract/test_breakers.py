"""Breakers: the shared ones and their twin in memory keep the same promises."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from agent_workers.domain.breaker import Breaker, BreakerState
from agent_workers.execution.models.ports import Breakers
from agent_workers.execution.models.wrappers.behind_breaker import AlwaysClosed
from agent_workers.governance import breakers as rules
from agent_workers.governance.breakers import Thresholds
from agent_workers.governance.breakers_in_memory import BreakersInMemory
from agent_workers.orchestration.breakers import SharedBreakers
from tests.contract.breakers_world import (
    ACME,
    QUICK,
    Clock,
    Shared,
    fail,
    shared,
)
from tests.support.database import database, tenant
from tests.support.worker_system import until

__all__ = ["database", "shared", "tenant"]


@pytest.mark.parametrize("port", ["shared", "always_closed"])
def test_calls_pass_while_nothing_fails(shared: Shared, port: str) -> None:
    breakers: Breakers = shared.process() if port == "shared" else AlwaysClosed()
    for _ in range(100):
        assert breakers.ask("tool:pay", ACME) is None
        breakers.tell("tool:pay", ACME, False)


def test_nothing_is_written_while_all_is_well(shared: Shared) -> None:
    breakers = shared.process()
    breakers.ask("tool:pay", ACME)
    breakers.tell("tool:pay", ACME, False)
    assert shared.store.see("tool:pay", ACME).breaker.version == 0


def test_failures_open_it_for_all_processes(shared: Shared) -> None:
    one, other = shared.process(), shared.process()
    fail(one, 4)
    assert shared.state() is BreakerState.CLOSED
    fail(other, 1)
    assert shared.state() is BreakerState.OPEN
    assert other.is_open("tool:pay", ACME)
    clock = Clock()
    third = shared.process(clock=clock)
    wait = third.ask("tool:pay", ACME)
    assert wait is not None
    assert 0 < wait <= 300
    assert third.ask("tool:read", ACME) is None  # another tool is another matter


def test_a_process_learns_within_half_a_second_what_another_did(shared: Shared) -> None:
    clock = Clock()
    late = shared.process(clock=clock)
    assert late.ask("tool:pay", ACME) is None
    fail(shared.process(), 5)
    clock.seconds = 0.49
    assert late.ask("tool:pay", ACME) is None
    clock.seconds = 0.51
    assert late.ask("tool:pay", ACME) is not None


def test_a_few_failures_among_many_successes_leave_it_closed(shared: Shared) -> None:
    breakers = shared.process()
    for _ in range(20):
        fail(breakers, 1)
        for _ in range(3):
            breakers.tell("tool:pay", ACME, False)
    assert shared.state() is BreakerState.CLOSED


def test_of_many_that_ask_at_once_exactly_one_is_the_probe(shared: Shared) -> None:
    fail(shared.process(QUICK), 5)
    until(
        lambda: rules.admit(s := shared.store.see("tool:pay", ACME), s.now) == rules.Probe(), "due"
    )
    crowded = [shared.process(QUICK, clock=Clock()) for _ in range(20)]
    for mine in crowded:
        assert (
            mine.ask("tool:read", ACME) is None
        )  # by now each of them believes that it may be the probe
    start, passed = threading.Barrier(20), []

    def come(mine: SharedBreakers) -> None:
        start.wait()
        if mine.ask("tool:pay", ACME) is None:
            passed.append(mine)

    crowd = [threading.Thread(target=come, args=(one,)) for one in crowded]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert len(passed) == 1
    assert shared.state() is BreakerState.HALF_OPEN


def test_a_probe_that_works_closes_it_and_one_that_fails_opens_it_for_longer(
    shared: Shared,
) -> None:
    breakers = shared.process(QUICK)
    fail(breakers, 5)
    until(lambda: breakers.ask("tool:pay", ACME) is None, "the probe may go")
    breakers.tell("tool:pay", ACME, True)
    seen = shared.store.see("tool:pay", ACME)
    assert seen.breaker.state is BreakerState.OPEN
    assert seen.breaker.opens == 2
    assert seen.breaker.until is not None
    assert seen.breaker.until - seen.now > timedelta(seconds=1)
    until(lambda: breakers.ask("tool:pay", ACME) is None, "the next probe may go")
    breakers.tell("tool:pay", ACME, False)
    assert shared.state() is BreakerState.CLOSED
    assert breakers.ask("tool:pay", ACME) is None


def test_the_place_of_a_probe_that_never_tells_is_free_again(shared: Shared) -> None:
    fail(shared.process(QUICK), 5)
    dying = shared.process(QUICK)
    until(
        lambda: dying.ask("tool:pay", ACME, holds=timedelta(seconds=1)) is None, "the probe may go"
    )
    next_one = shared.process(QUICK)
    assert next_one.ask("tool:pay", ACME) is not None
    until(lambda: next_one.ask("tool:pay", ACME) is None, "the place is free")
    assert shared.store.see("tool:pay", ACME).breaker.probe_by == "process-3"


def test_a_probe_that_was_not_needed_gives_its_place_back(shared: Shared) -> None:
    fail(shared.process(QUICK), 5)
    one = shared.process(QUICK)
    until(lambda: one.ask("tool:pay", ACME) is None, "the probe may go")
    one.let_go("tool:pay", ACME)
    assert shared.process(QUICK).ask("tool:pay", ACME) is None


def test_a_straggler_says_nothing_about_an_open_breaker(shared: Shared) -> None:
    breakers = shared.process()
    fail(breakers, 5)
    before = shared.store.see("tool:pay", ACME).breaker
    breakers.tell("tool:pay", ACME, False)
    breakers.tell("tool:pay", ACME, True)
    assert shared.store.see("tool:pay", ACME).breaker == before


def test_what_an_operator_opened_stays_open_until_it_is_closed(shared: Shared) -> None:
    seen = shared.store.see("tool:pay", ACME)
    opened = rules.opened_by_hand(seen.breaker, seen.now, reason="maintenance")
    put = shared.store.swap(seen.breaker, opened)
    assert put is not None
    assert shared.process().ask("tool:pay", ACME) == 60.0
    assert shared.store.swap(put, rules.closed(put, seen.now)) is not None
    assert shared.process().ask("tool:pay", ACME) is None


def test_only_who_saw_the_newest_may_change_it(shared: Shared) -> None:
    old = shared.store.see("tool:pay", ACME).breaker
    put = shared.store.swap(old, replace(old, failures=1))
    assert put is not None
    assert put.version == 1
    assert shared.store.swap(old, replace(old, failures=2)) is None
    assert shared.store.swap(put, replace(put, failures=3)) is not None
    assert shared.store.see("tool:pay", ACME).breaker.failures == 3


def test_each_opening_in_a_row_lasts_longer_up_to_a_bound() -> None:
    thresholds = Thresholds()
    breaker = Breaker(name="tool:pay", opens=0)
    seen = BreakersInMemory().see("tool:pay", ACME)
    spans = []
    for _ in range(9):
        breaker = rules.after_probe(
            breaker, seen.now, failed=True, code="connection", rules=thresholds
        )
        assert breaker.until is not None
        spans.append((breaker.until - seen.now).total_seconds())
    assert spans == [2, 4, 8, 16, 32, 64, 120, 120, 120]
