"""Plans of the whole way, by a model: a typed plan that is checked before any of it is run.

No text that a tool returned is in the request, so none can add a step: a plan that is made anew is
told only which calls ran, and the codes of those that failed.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from agent_workers.domain.step import GaveUp, Planned, ToolCall
from agent_workers.domain.text.encoding import canonical
from agent_workers.execution.models.ports import Model
from agent_workers.execution.models.values import (
    Message,
    ModelReply,
    ModelRequest,
    ResponseSchema,
    ToolSchema,
)
from agent_workers.execution.models.wrappers.usable import Unusable, storable, storable_text
from agent_workers.execution.planner.asking import asked_for_plan
from agent_workers.execution.planner.checks import problems_of
from agent_workers.execution.planner.tools import Offer
from agent_workers.execution.planner.tried import Tried, settled

_REFUSAL_CHARS = 500
_FRAME: Final = (
    "Plan the whole way to the goal as JSON, before anything is done. Each of the `steps` calls one "
    "tool: `id` is a name that you choose (letters, digits, _), `description` says in words what it "
    "is for, "
    "`arguments` is a JSON object that fits the tool's parameters, `depends_on` lists the ids of "
    "steps that have to be done before, and `done_when` is a condition on its result, or empty: a "
    "CEL expression over `result`, such as `result.total > 0`, or words. Steps that do not depend "
    "on each other run side by side. An argument may be the result of a step that it depends on: "
    '{"$from": "find"}, or a part of it: {"$from": "find", "path": "orders.0.id"}. '
    "You will not see results before all steps are done; somebody else writes the answer from them. "
    "When no tool is needed, leave `steps` empty and answer in `answer`; when there is no way to "
    "reach the goal, leave it empty and say why in `give_up`. "
    "Steps of earlier plans that are `done` are not repeated: depend on them, and use their results."
)
_STEP: Final = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "description": {"type": "string"},
        "tool": {"type": "string"},
        "arguments": {"type": "object"},
        "depends_on": {"type": "array", "items": {"type": "string"}},
        "done_when": {"type": "string"},
    },
    "required": ["id", "description", "tool", "arguments", "depends_on", "done_when"],
    "additionalProperties": False,
}
SCHEMA: Final = ResponseSchema(
    name="plan",
    schema={
        "type": "object",
        "properties": {
            "steps": {"type": "array", "items": _STEP},
            "answer": {"type": ["string", "null"]},
            "give_up": {"type": ["string", "null"]},
        },
        "required": ["steps", "answer", "give_up"],
        "additionalProperties": False,
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WholePlanRequest:
    goal: str
    offer: Offer
    instructions: str = ""
    tried: tuple[Tried, ...] = ()
    # What the user said before in the job's session.
    before: tuple[Message, ...] = ()
    # What was wrong with the plan before this one, when it could not be used.
    problems: tuple[str, ...] = ()
    max_output_tokens: int = 4_096


class _Step(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: str
    description: str = ""
    tool: str
    # Any: arguments are whatever JSON the tool's schema says.
    arguments: dict[str, Any] = {}
    depends_on: list[str] = []
    done_when: str = ""


class _Plan(BaseModel):
    model_config = ConfigDict(extra="forbid")
    steps: list[_Step] = []
    answer: str | None = None
    give_up: str | None = None


def plan_whole(model: Model, asked: WholePlanRequest, *, deadline_s: float) -> Planned | GaveUp:
    """Ask for a whole plan; what cannot be used is repaired, or told as invalid."""
    return asked_for_plan(
        model, whole_plan_call(asked), lambda reply: _read(reply, asked), deadline_s=deadline_s
    )


def whole_plan_call(asked: WholePlanRequest) -> ModelRequest:
    """Write the model request: the tools are told as text, for they are not called by this turn."""
    tools = json.dumps([_shown(schema) for schema in asked.offer.schemas], ensure_ascii=False)
    system = f"{asked.instructions}\n\n{_FRAME}\n\nTools:\n{tools}".strip()
    return ModelRequest(
        model="",
        messages=(
            Message(role="system", content=system),
            *asked.before,
            Message(role="user", content=asked.goal),
            *_told(asked),
        ),
        response_schema=SCHEMA,
        max_output_tokens=asked.max_output_tokens,
        purpose="plan",
    )


def _shown(schema: ToolSchema) -> dict[str, object]:
    return {
        "tool": schema.name,
        "description": schema.description,
        "parameters": schema.parameters,
    }


def _told(asked: WholePlanRequest) -> Sequence[Message]:
    said: list[Message] = []
    if asked.tried:
        steps = [one.shown() for one in asked.tried]
        known = json.dumps({"earlier_steps": steps}, ensure_ascii=False)
        said.append(Message(role="user", content=f"An earlier plan did not work. {known}"))
    if asked.problems:
        problems = "; ".join(asked.problems)
        said.append(Message(role="user", content=f"Your last plan cannot be used: {problems}"))
    return said


def _read(reply: ModelReply, asked: WholePlanRequest) -> Planned | GaveUp:
    if reply.finish_reason == "refusal":
        return GaveUp(code="model_refused", message=storable_text(reply.text[:_REFUSAL_CHARS]))
    plan = _parsed(reply.text)
    if plan.steps:
        return _calls(plan, asked)
    if plan.give_up:
        return GaveUp(code="gave_up", message=storable_text(plan.give_up[:_REFUSAL_CHARS]))
    if plan.answer:
        return Planned(calls=(), answer=storable(plan.answer))
    raise Unusable("it has no `steps`, no `answer` and no `give_up`")


def _parsed(text: str) -> _Plan:
    try:
        return _Plan.model_validate_json(text)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        problems = (f"{'.'.join(map(str, one['loc'])) or 'it'}: {one['msg']}" for one in found)
        raise Unusable("; ".join(problems)) from None


def _calls(plan: _Plan, asked: WholePlanRequest) -> Planned:
    calls = tuple(map(_call, plan.steps))
    taken = sorted({call.call_id for call in calls} & {one.id for one in asked.tried if one.done})
    if taken:
        raise Unusable(f"these ids belong to steps that are done already: {', '.join(taken)}")
    calls = settled(calls, asked.tried)
    problems = problems_of(calls, asked.offer.models, asked.offer.room)
    if problems:
        raise Unusable("; ".join(problems))
    return Planned(calls=calls)


def _call(step: _Step) -> ToolCall:
    storable([step.id, step.description, step.done_when])
    storable(step.arguments)
    return ToolCall(
        tool=step.tool,
        arguments=canonical(step.arguments),
        call_id=step.id,
        after=tuple(dict.fromkeys(step.depends_on)),
        description=step.description,
        done_when=step.done_when,
    )
