"""What callers may say about triggers, and triggers as JSON text."""

import json
from dataclasses import replace
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from pydantic import Field
from typing_extensions import TypedDict

from agent_workers.domain.ids import TRIGGER_ID
from agent_workers.domain.job import JobSpec
from agent_workers.domain.triggers.trigger import Trigger, TriggerRefused
from agent_workers.orchestration.triggers.checking import check_trigger
from api.http.asked import JobRequest, spec_members, validated
from api.http.json_text import instant, text, usd
from api.http.shapes import (
    Anything,
    Body,
    Count,
    Described,
    Instant,
    Strings,
    TriggerId,
    like,
    page_of,
    types_of,
)
from api.problems import invalid

_Names = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=1_024)]],
    Field(min_length=1, max_length=64, description="Exact, or with a `*` at the end."),
]
_Conditions = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=1_000)]],
    Field(max_length=8, description="CEL over the event's attributes; all must be true."),
]
_OF_JOBS = ("agent", "input", "metadata", "priority", "max_steps", "max_cost_usd")


_JOB = {name: Described(kind) for name, kind in types_of(JobRequest, *_OF_JOBS).items()}


class TriggerRequest(Body):
    """Which events start a job, and which job."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    types: _Names = Field(default=["*"])
    sources: _Names = Field(default=["*"])
    where: _Conditions = Field(default=[])
    enabled: bool = True
    # Any: these are a job's own members, and are validated as such.
    agent: Annotated[Any, _JOB["agent"]]
    input: Annotated[Any, _JOB["input"]] = "${event}"
    metadata: Annotated[Any, _JOB["metadata"]] = None
    priority: Annotated[Any, _JOB["priority"]] = None
    max_steps: Annotated[Any, _JOB["max_steps"]] = None
    max_cost_usd: Annotated[Any, _JOB["max_cost_usd"]] = None


# As it is shown: what it leaves out is taken from the trigger, and then it is read as a whole.
TriggerChange = like("TriggerChange", types_of(TriggerRequest))


class TriggerReply(TypedDict):
    """Which events start a job, and which job."""

    id: TriggerId
    object: Literal["trigger"]
    name: str
    enabled: bool
    agent: str
    types: list[str]
    sources: list[str]
    where: list[str]
    input: Anything
    metadata: Strings
    priority: Count
    max_steps: Count
    max_cost_usd: str | None
    created_at: Instant
    updated_at: Instant


TriggerList = page_of("TriggerList", TriggerReply)


def trigger_asked(body: object, *, trigger_id: UUID | None = None) -> Trigger:
    """Return the trigger that a body asks for, or end the request with what is wrong with it."""
    asked = validated(TriggerRequest, body)
    members = {name: getattr(asked, name) for name in _OF_JOBS}
    job = JobSpec(**spec_members(validated(JobRequest, members)))
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
        f'{{"id":{text(TRIGGER_ID.written(trigger.trigger_id))},"object":"trigger",'
        f'{members[1:-1]},"created_at":{instant(trigger.created_at)},'
        f'"updated_at":{instant(trigger.updated_at)}}}'
    )
