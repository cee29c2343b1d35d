"""When an effect whose tool no worker has any more becomes a doubt, and when it does not yet."""

from datetime import timedelta

from agent_workers.domain.effect import EffectClass, Says
from agent_workers.domain.step import StepKind
from agent_workers.orchestration.act import EffectProtocol
from agent_workers.orchestration.act_rules import LEFT_FOR, MOST_TRIES_WITHOUT_ITS_TOOL
from tests.unit.orchestration.agents import claimed
from tests.unit.orchestration.ledger import Ledger, Tools, permitted

SECOND = timedelta(seconds=1)


def test_what_no_worker_can_go_on_with_any_more_is_told_to_a_person() -> None:
    alone = permitted(quiet=-LEFT_FOR)
    assert left(Ledger(known=alone))
    assert not left(Ledger(known=alone), tries=MOST_TRIES_WITHOUT_ITS_TOOL - 1)
    assert not left(Ledger(known=alone), effect=EffectClass.PURE)
    assert not left(Ledger(known=permitted(quiet=SECOND - LEFT_FOR)))
    assert not left(Ledger(known=permitted(Says.NOT_EXECUTED, quiet=-LEFT_FOR)))
    assert not left(Ledger(known=alone, result="stopping"))
    living = Ledger(known=alone)
    living.has_key = True
    assert not left(living)


def left(
    ledger: Ledger,
    *,
    tries: int = MOST_TRIES_WITHOUT_ITS_TOOL,
    effect: EffectClass = EffectClass.RECONCILABLE,
) -> bool:
    tools = Tools()
    step = claimed(StepKind.TOOL, tool="pay", tries=tries, effect=effect)
    return EffectProtocol(ledger, tools, tools).left_by_all(step, "it is not there")
