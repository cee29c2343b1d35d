"""What callers may say about triggers, and triggers as JSON text."""

import json
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field

from agent_workers.domain.job import JobSpec
from agent_workers.domain.triggers.trigger import TRIGGER, Trigger, TriggerRefused, wire_form
from agent_workers.orchestration.triggers.checking import check_trigger
from api.http.asked import JobAsked, spec_members, validated
from api.http.json_text import instant, text, usd
from api.problems import invalid

_Names = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=1_024)]], Field(min_length=1, max_length=64)
]
_Conditions = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=1_000)]], Field(max_length=8)
]
_OF_JOBS = ("agent", "input", "metadata", "priority", "max_steps", "max_cost_usd")


class TriggerAsked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[str, Field(min_length=1, max_length=200)]
    types: _Names = ["*"]
    sources: _Names = ["*"]
    where: _Conditions = []
    enabled: bool = True
    # Any: these are a job's own members, and are validated as such.
    agent: Any
    input: Any = "${event}"
    metadata: Any = None
    priority: Any = None
    max_steps: Any = None
    max_cost_usd: Any = None


def trigger_asked(body: object, *, trigger_id: UUID | None = None) -> Trigger:
    """Return the trigger that a body asks for, or end the request with what is wrong with it."""
    asked = validated(TriggerAsked, body)
    members = {name: getattr(asked, name) for name in _OF_JOBS}
    job = JobSpec(**spec_members(validated(JobAsked, members)))
    trigger = Trigger(
        trigger_id=trigger_id or uuid4(),
        name=asked.name,
        agent=job.agent,
        types=tuple(asked.types),
        sources=tuple(asked.sources),
        where=tuple(asked.where),
        template=asked.input,
        metadata=job.metadata,
        priority=job.priority,
        max_steps=job.max_steps,
        max_cost_micro=job.max_cost_micro,
        enabled=asked.enabled,
    )
    try:
        check_trigger(trigger)
    except TriggerRefused as error:
        raise invalid(str(error), pointer=error.pointer) from None
    return trigger


def trigger_changed(trigger: Trigger, body: object) -> Trigger:
    """Return the trigger as it shall be: what the body does not name stays."""
    if not isinstance(body, dict):
        raise invalid("The body must be a JSON object with the members to change.")
    changed = trigger_asked(members_of(trigger) | body, trigger_id=trigger.trigger_id)
    return replace(changed, created_at=trigger.created_at, updated_at=trigger.updated_at)


def members_of(trigger: Trigger) -> dict[str, object]:
    """Return a trigger as its body would have asked for it."""
    cost = trigger.max_cost_micro
    return {
        "name": trigger.name,
        "enabled": trigger.enabled,
        "agent": trigger.agent,
        "types": list(trigger.types),
        "sources": list(trigger.sources),
        "where": list(trigger.where),
        "input": trigger.template,
        "metadata": trigger.metadata,
        "priority": trigger.priority,
        "max_steps": trigger.max_steps,
        "max_cost_usd": usd(cost) if cost else None,
    }


def trigger_text(trigger: Trigger) -> str:
    members = json.dumps(members_of(trigger))
    return (
        f'{{"id":{text(wire_form(TRIGGER, trigger.trigger_id))},"object":"trigger",'
        f'{members[1:-1]},"created_at":{instant(trigger.created_at)},'
        f'"updated_at":{instant(trigger.updated_at)}}}'
    )
