"""What becomes of an effect whose tool no worker has any more: a doubt, or what is known of it."""

from dataclasses import replace
from datetime import timedelta

from agent_workers.domain.effect import EffectClass, EffectState, Says
from agent_workers.domain.step import StepKind, ToolFailed, ToolRan
from agent_workers.orchestration.effects.act import EffectProtocol
from agent_workers.orchestration.effects.act_rules import (
    LEFT_FOR,
    MOST_TRIES_WITHOUT_ITS_TOOL,
    Acted,
    Parked,
)
from tests.unit.orchestration.agents import claimed
from tests.unit.orchestration.ledger import Ledger, Tools, permitted

SECOND = timedelta(seconds=1)


def test_what_no_worker_can_go_on_with_any_more_is_told_to_a_person() -> None:
    alone = permitted(quiet=-LEFT_FOR)
    assert left(Ledger(known=alone)) == Parked(why="in_doubt")
    assert left(Ledger(known=alone), tries=MOST_TRIES_WITHOUT_ITS_TOOL - 1) is None
    assert left(Ledger(known=alone), effect=EffectClass.PURE) is None
    assert left(Ledger(known=permitted(quiet=SECOND - LEFT_FOR))) is None
    assert left(Ledger(known=permitted(Says.NOT_EXECUTED, quiet=-LEFT_FOR))) is None
    assert left(Ledger(known=alone, result="stopping")) is None
    living = Ledger(known=alone)
    living.has_key = True
    assert left(living) is None


def test_what_is_known_to_have_happened_needs_no_tool() -> None:
    done = replace(permitted(), state=EffectState.DONE, result=b'"paid"')
    for tries in (0, MOST_TRIES_WITHOUT_ITS_TOOL):
        assert left(Ledger(known=done), tries=tries) == Acted(outcome=ToolRan(result=b'"paid"'))


def test_what_was_given_up_needs_no_tool() -> None:
    given_up = replace(permitted(), state=EffectState.ABANDONED)
    found = left(Ledger(known=given_up))
    assert isinstance(found, Acted)
    assert isinstance(found.outcome, ToolFailed)
    assert found.outcome.code == "effect_abandoned"


def left(
    ledger: Ledger,
    *,
    tries: int = MOST_TRIES_WITHOUT_ITS_TOOL,
    effect: EffectClass = EffectClass.RECONCILABLE,
) -> Acted | Parked | None:
    tools = Tools()
    step = claimed(StepKind.TOOL, tool="pay", tries=tries, effect=effect)
    return EffectProtocol(ledger, tools, tools).without_its_tool(step, "it is not there")
