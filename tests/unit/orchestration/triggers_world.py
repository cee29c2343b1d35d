"""What tests of the bounds of a message need: triggers in memory, and an intake that only remembers."""

import json
from collections.abc import Collection, Sequence
from typing import Any, cast
from uuid import UUID, uuid4

from agent_workers.domain.ids import TenantId
from agent_workers.domain.triggers.message import BATCH, Message
from agent_workers.domain.triggers.trigger import Selector, Trigger
from agent_workers.orchestration.triggers.arriving import Arrived, arrived_of
from agent_workers.orchestration.triggers.intake import Intake, Receipt
from agent_workers.state.jobs.submissions import Asked, Pace
from agent_workers.state.triggers.dead_letters import DeadLetter
from agent_workers.state.triggers.intake import Intakes, Taken

TENANT = TenantId("acme")


class Kept:
    """Intakes that only remember, each transaction by itself."""

    def __init__(self) -> None:
        self.asked: list[list[Asked]] = []
        self.letters: list[DeadLetter] = []

    def take(
        self,
        tenant_id: TenantId,
        asked: Sequence[tuple[str, Asked]],
        letters: Sequence[DeadLetter],
    ) -> dict[str, Taken]:
        assert tenant_id == TENANT
        self.asked.append([one for _, one in asked])
        self.letters += letters
        return {key: Taken(job_id=one[0].job_id, created=True) for key, one in asked}

    @property
    def jobs(self) -> list[int]:
        """How many jobs each transaction stored."""
        return [len(asked) for asked in self.asked]


class Rules:
    """A tenant's triggers, and which of them were read whole."""

    def __init__(self, rules: Sequence[Trigger]) -> None:
        self.now = list(rules)
        self.before = list(rules)
        self.read: list[str] = []

    def selectors(self, tenant_id: TenantId, /) -> Sequence[Selector]:
        assert tenant_id == TENANT
        return self.before

    def enabled(self, tenant_id: TenantId, among: Collection[UUID], /) -> Sequence[Trigger]:
        assert tenant_id == TENANT
        found = [one for one in self.now if one.trigger_id in among]
        self.read += [one.name for one in found]
        return found


def trigger(name: str, **given: Any) -> Trigger:
    members: dict[str, Any] = {"trigger_id": uuid4(), "name": name, "agent": "demo"}
    return Trigger(**members | given)


def intake(rules: Rules) -> tuple[Intake, Kept]:
    kept = Kept()
    made = Intake(
        cast("Intakes", kept),
        rules=rules,
        paces=lambda *_: Pace(plan_timeout_ms=1, plan_hold_micro=0),
        ring=lambda *_, **__: None,
    )
    return made, kept


def taken(rules: Sequence[Trigger], message: Arrived) -> tuple[list[Receipt], Kept]:
    made, kept = intake(Rules(rules))
    return made.take(TENANT, message), kept


def arrived(count: int, data: object = None, first: int = 0) -> Arrived:
    members = {"specversion": "1.0", "source": "/shop", "type": "order.paid", "data": data}
    body = json.dumps([members | {"id": str(first + number)} for number in range(count)]).encode()
    return arrived_of(Message(content_type=BATCH, body=body), origin="test")
