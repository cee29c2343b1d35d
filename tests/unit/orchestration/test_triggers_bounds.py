"""What one message may cost is bounded, whatever triggers ask for; none is taken in part."""

import json
from collections.abc import Sequence
from typing import Any, cast
from uuid import uuid4

import pytest

from agent_workers.domain.ids import TenantId
from agent_workers.domain.trigger import Trigger
from agent_workers.domain.trigger_message import BATCH, Message
from agent_workers.orchestration.triggers import Intake, Receipt
from agent_workers.orchestration.triggers_arriving import Arrived, arrived_of
from agent_workers.state.submissions import Asked, Pace
from agent_workers.state.triggers_intake import EventsRefused, Intakes, Taken
from agent_workers.state.triggers_letters import DeadLetter

TENANT = TenantId("acme")
HEAVY = "data.all(x, data.all(y, x + y >= 0))"


class Kept:
    """Intakes that only remember."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []

    def take(
        self,
        tenant_id: TenantId,
        asked: Sequence[tuple[str, Asked]],
        letters: Sequence[DeadLetter],
    ) -> dict[str, Taken]:
        assert (tenant_id, letters) == (TENANT, [])
        self.asked += [one for _, one in asked]
        return {key: Taken(job_id=one[0].job_id, created=True) for key, one in asked}


def trigger(name: str, **given: Any) -> Trigger:
    return Trigger(trigger_id=uuid4(), name=name, agent="demo", **given)


def taken(rules: Sequence[Trigger], arrived: Arrived) -> tuple[list[Receipt], Kept]:
    kept = Kept()
    intake = Intake(
        cast("Intakes", kept),
        rules=lambda _: rules,
        paces=lambda *_: Pace(plan_timeout_ms=1, plan_hold_micro=0),
        ring=lambda *_, **__: None,
    )
    [receipts] = intake.take(TENANT, [arrived])
    return receipts, kept


def arrived(count: int, data: object) -> Arrived:
    members = {"specversion": "1.0", "source": "/shop", "type": "order.paid", "data": data}
    body = json.dumps([members | {"id": str(number)} for number in range(count)]).encode()
    return arrived_of(Message(content_type=BATCH, body=body), origin="test")


def test_a_trigger_that_costs_too_much_takes_nothing_from_the_next_one() -> None:
    rules = [trigger("heavy", where=(HEAVY,)), trigger("light", where=("data.size() == 4000",))]
    [receipt], kept = taken(rules, arrived(1, list(range(4_000))))
    assert receipt.mistakes == {"heavy": f"{HEAVY}: it takes too many steps"}
    assert [one.trigger.name for one in receipt.started] == ["light"]
    assert len(kept.asked) == 1


def test_a_message_that_costs_too_much_is_refused_as_a_whole() -> None:
    rules = [trigger("light"), *(trigger(f"heavy {n}", where=(HEAVY,)) for n in range(11))]
    with pytest.raises(EventsRefused, match=r"too many steps together.*fewer events"):
        taken(rules, arrived(1, list(range(4_000))))
    with pytest.raises(EventsRefused, match=r"too many steps together.*'heavy 0'"):
        taken(rules[:2], arrived(11, list(range(600))))


def test_inputs_that_are_too_large_together_are_refused_as_a_whole() -> None:
    rules = [trigger(f"all of it {number}") for number in range(20)]
    with pytest.raises(EventsRefused, match="more than 16 MiB"):
        taken(rules, arrived(1, "x" * 900_000))
    assert len(taken(rules, arrived(1, "x" * 9_000))[1].asked) == 20


def test_honest_triggers_have_room_for_many_events() -> None:
    rules = [
        trigger(f"large order {n}", where=("data.amount > 100", "has(data.customer)"))
        for n in range(10)
    ]
    receipts, kept = taken(rules, arrived(600, {"amount": 150, "customer": "Ada"}))
    assert len(receipts) == 600
    assert len(kept.asked) == 6_000
    assert not any(receipt.mistakes for receipt in receipts)
