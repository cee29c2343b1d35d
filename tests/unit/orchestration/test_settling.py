"""What becomes of an attempt without an answer once its job is being stopped."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agent_workers.domain.effect import (
    EffectClass,
    EffectRules,
    OnDoubt,
    PermitMode,
    Says,
    Source,
)
from agent_workers.domain.reply import NotDone, Reply, Seen, Unclear
from agent_workers.domain.step import Broke, StepKind, ToolFailed, ToolRan
from agent_workers.orchestration.effects.act import EffectProtocol
from agent_workers.orchestration.effects.act_rules import Acted, Parked
from tests.unit.orchestration.agents import claimed
from tests.unit.orchestration.ledger import START, Ledger, Tools, permitted

SECOND = timedelta(seconds=1)
LOOKED_UP = EffectRules(cls=EffectClass.RECONCILABLE, timeout=SECOND, has_lookup=True)
KEYED = EffectRules(cls=EffectClass.KEYED, timeout=SECOND, key_ttl=timedelta(hours=1))
BROKE = Broke(code="reset", message="gone", retryable=True)
ALIVE = replace(permitted(), first_granted_at=START)


def settle(
    ledger: Ledger, tools: Tools, rules: EffectRules, *, tries: int = 0, barred: bool = False
) -> Acted | Parked:
    ledger.result = "settling"
    step = claimed(StepKind.TOOL, tool="pay", tries=tries, effect=rules.cls)
    return EffectProtocol(ledger, tools, tools).run(step, rules, max_tries=3, barred=barred)


def test_what_is_found_is_adopted() -> None:
    ledger = Ledger(known=permitted())
    acted = settle(ledger, Tools(seen=Seen(found=True, result=b"7")), LOOKED_UP)
    assert isinstance(acted, Acted)
    assert acted.outcome == ToolRan(result=b"7")
    assert ledger.wrote == [("evidence", 1, Says.HAPPENED, Source.LOOKUP, b"7")]


def test_what_is_not_there_is_written_down_and_not_done_any_more() -> None:
    ledger, tools = Ledger(known=permitted()), Tools(seen=Seen())
    assert settle(ledger, tools, LOOKED_UP) == Parked(why="stopping")
    assert (ledger.wrote, tools.acted) == ([("absent",)], [])


def test_a_key_that_was_used_is_used_once_more_because_its_answer_tells() -> None:
    ledger, tools = Ledger(known=ALIVE), Tools()
    acted = settle(ledger, tools, KEYED)
    assert isinstance(acted, Acted)
    assert (acted.outcome, tools.acted) == (ToolRan(result=b"1"), [2])
    assert ledger.wrote == [("grant", PermitMode.SAME_KEY, 2)]


@pytest.mark.parametrize(
    "reply", [Unclear(broke=BROKE), NotDone(broke=ToolFailed(code="tool_error", message="404"))]
)
def test_an_attempt_without_an_answer_counts_and_so_does_a_refusal(reply: Reply) -> None:
    acted = settle(Ledger(known=ALIVE), Tools(reply=reply), KEYED)
    assert isinstance(acted, Acted)
    assert isinstance(acted.outcome, Broke)
    again = acted.again(acted.outcome, 0, jitter=0.0)
    assert again is not None
    assert (again.counts, acted.settles) == (True, True)


def test_after_enough_attempts_it_is_in_doubt_and_says_why() -> None:
    ledger, tools = Ledger(known=ALIVE), Tools()
    assert settle(ledger, tools, KEYED, tries=3) == Parked(why="in_doubt")
    ((what, reason),) = ledger.wrote
    assert what == "doubt"
    assert str(reason).startswith("The job was canceled. Attempt 1 ")
    assert str(reason).endswith(", and finding out failed 3 times")
    assert tools.acted == []


def test_a_look_up_that_keeps_failing_ends_in_doubt_too() -> None:
    first = settle(Ledger(known=permitted()), Tools(seen=Seen(broke=BROKE)), LOOKED_UP)
    assert isinstance(first, Acted)
    again = first.again(BROKE, 0, jitter=0.0)
    assert again is not None
    assert again.counts
    ledger = Ledger(known=permitted())
    last = settle(ledger, Tools(seen=Seen(broke=BROKE)), LOOKED_UP, tries=3)
    assert last == Parked(why="in_doubt")


def test_a_quiet_time_is_waited_for_at_nobodys_cost() -> None:
    acted = settle(Ledger(known=permitted(quiet=SECOND)), Tools(), LOOKED_UP)
    assert isinstance(acted, Acted)
    again = acted.again(BROKE, 0, jitter=0.0)
    assert again is not None
    assert not again.counts


def test_nothing_is_repeated_that_may_happen_twice() -> None:
    rules = replace(KEYED, on_doubt=OnDoubt.REPEAT, key_ttl=timedelta(seconds=9))
    ledger, tools = Ledger(known=permitted()), Tools()
    assert settle(ledger, tools, rules) == Parked(why="in_doubt")
    assert tools.acted == []


def test_who_may_not_call_the_tool_now_comes_again_so_many_times() -> None:
    ledger, tools = Ledger(known=ALIVE), Tools()
    acted = settle(ledger, tools, KEYED, barred=True)
    assert isinstance(acted, Acted)
    again = acted.again(BROKE, 0, jitter=0.0)
    assert again is not None
    assert (again.counts, tools.acted, ledger.wrote) == (True, [], [])
    assert settle(ledger, tools, KEYED, barred=True, tries=3) == Parked(why="in_doubt")
