"""A permit that came too late is not used, and nobody dies of having waited for it."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from agent_workers.domain.effect import EffectClass, EffectRules, Says
from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.step import Broke, StepKind
from agent_workers.governance.breakers import Health, health_of
from agent_workers.orchestration.effects.act import EffectProtocol
from agent_workers.orchestration.effects.act_rules import Acted, Parked
from tests.unit.orchestration.agents import claimed
from tests.unit.orchestration.ledger import START, Ledger, Tools, permitted

SECOND = timedelta(seconds=1)
UNSAFE = EffectRules(cls=EffectClass.UNSAFE, timeout=SECOND)
LOOKED_UP = replace(UNSAFE, cls=EffectClass.RECONCILABLE, has_lookup=True)
KEYED = replace(UNSAFE, cls=EffectClass.KEYED, key_ttl=timedelta(hours=1))
SLACK_S = (UNSAFE.kernel_budget - UNSAFE.timeout).total_seconds()


def run(ledger: Ledger, tools: Tools, rules: EffectRules = UNSAFE) -> Acted | Parked:
    step = claimed(StepKind.TOOL, tool="pay", effect=rules.cls)
    return EffectProtocol(ledger, tools, tools).run(step, rules, max_tries=3)


def passes(tools: Tools, seconds: float) -> None:
    tools.time += seconds


def assert_not_used(acted: Acted | Parked, tools: Tools) -> None:
    """No act, evidence of that, and another attempt at nobody's cost."""
    assert isinstance(acted, Acted)
    assert isinstance(acted.outcome, Broke)
    assert acted.outcome.code == "permit_late"
    assert acted.proof is not None
    assert acted.proof.says is Says.NOT_EXECUTED
    again = acted.again(acted.outcome, 0, jitter=0.0)
    assert again is not None
    assert not again.counts
    assert health_of(acted.outcome) is Health.UNKNOWN
    assert tools.acted == []


@pytest.mark.parametrize("rules", [UNSAFE, LOOKED_UP])
def test_a_permit_that_waited_too_long_is_not_used_and_no_timer_ran_meanwhile(
    rules: EffectRules,
) -> None:
    ledger, tools = Ledger(), Tools()
    ledger.on_grant = lambda: passes(tools, SLACK_S + 0.1)
    assert_not_used(run(ledger, tools, rules), tools)
    assert tools.deadlines == []


def test_a_permit_that_waited_a_little_is_used_until_a_deadline_counted_from_before_it() -> None:
    ledger, tools = Ledger(), Tools()
    tools.time = 100.0
    ledger.on_grant = lambda: passes(tools, SLACK_S - 0.1)
    run(ledger, tools)
    assert tools.acted == [1]
    assert tools.deadlines == [100.0 + UNSAFE.kernel_budget.total_seconds()]


def test_a_process_that_was_frozen_before_its_timer_ran_does_not_act() -> None:
    tools = Tools()
    tools.on_arming = lambda: passes(tools, SLACK_S + 0.1)
    assert_not_used(run(Ledger(), tools), tools)
    assert len(tools.deadlines) == 1


def test_a_keyed_tool_on_a_thread_may_have_waited_as_long_as_its_key_lives() -> None:
    ledger, tools = Ledger(), Tools()
    ledger.on_grant = lambda: passes(tools, 60.0)
    run(ledger, tools, KEYED)
    assert tools.acted == [1]


def test_a_key_that_died_while_its_permit_waited_is_not_used() -> None:
    ledger, tools = Ledger(), Tools()
    ledger.on_grant = lambda: passes(tools, 3600.0 - 1.5)
    assert_not_used(run(ledger, tools, KEYED), tools)


@pytest.mark.parametrize("rules", [UNSAFE, LOOKED_UP])
def test_a_machine_that_was_paused_finds_its_permit_too_old_by_the_clock_of_postgres(
    rules: EffectRules,
) -> None:
    ledger, tools = Ledger(), Tools()

    def paused() -> None:
        ledger.clock = START + timedelta(hours=1)

    ledger.on_grant = paused  # our own clock stood still
    assert_not_used(run(ledger, tools, rules), tools)


def test_where_the_time_cannot_be_asked_for_nothing_is_done_and_that_is_known() -> None:
    ledger, tools = Ledger(), Tools()
    ledger.away = StateUnavailable("restarting")
    assert_not_used(run(ledger, tools), tools)


def test_something_else_may_be_done_instead_only_if_no_earlier_attempt_is_open() -> None:
    for known, alone in ((None, True), (permitted(), False)):
        ledger, tools = Ledger(known=known), Tools()
        ledger.on_grant = partial(passes, tools, 48 * 3600.0)
        acted = run(ledger, tools, replace(KEYED, key_ttl=timedelta(hours=48)))
        assert_not_used(acted, tools)
        assert isinstance(acted, Acted)
        assert acted.certainly_not is alone


def test_a_process_ends_before_its_permit_is_quiet_by_more_than_clocks_may_differ() -> None:
    for timeout in (timedelta(milliseconds=100), SECOND, timedelta(minutes=10)):
        rules = replace(UNSAFE, timeout=timeout, settle=timedelta(0))
        spare = rules.quiet_time - rules.kernel_budget
        assert spare >= timedelta(milliseconds=250) + rules.kernel_budget * 0.01
