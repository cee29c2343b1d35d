"""The tools that a model may plan for an agent: its own, and the engaging ones it may use."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import BaseModel

from agent_workers.domain.agents.engine_tools import DELEGATE, HAND_OFF
from agent_workers.domain.claim import Claimed
from agent_workers.domain.course import Course
from agent_workers.domain.job import Limits
from agent_workers.execution.agents.registry import LoadedAgent
from agent_workers.execution.models.values import ToolSchema
from agent_workers.execution.planner.checks import MOST_CALLS, Room
from agent_workers.execution.planner.engine_schemas import engine_models, engine_schemas

_OTHERS: Final = frozenset({DELEGATE, HAND_OFF})
# Kept for the turn in reserve; evaluations are counted with the waves that they join.
_RESERVED_STEPS: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a planner may choose from, how it is told of it, and how much it may take."""

    schemas: tuple[ToolSchema, ...]
    models: Mapping[str, type[BaseModel]]
    room: Room


def offer(claimed: Claimed, agent: LoadedAgent) -> Offer:
    """Collect the tools of an agent; at its depth limit a job starts no others."""
    own = tuple(
        ToolSchema(
            name=tool.declared.name,
            description=tool.declared.description,
            parameters=tool.signature.schema,
        )
        for tool in agent.tools.values()
    )
    hidden = _OTHERS if claimed.depth >= agent.declared.limits.max_depth else frozenset()
    engaging = tuple(s for s in engine_schemas(agent.declared) if s.name not in hidden)
    models = {name: tool.signature.model for name, tool in agent.tools.items()}
    known = engine_models(agent.declared)
    return Offer(
        schemas=(*own, *engaging),
        models=models | {schema.name: known[schema.name] for schema in engaging},
        room=_room(claimed, agent.declared.limits),
    )


def _room(claimed: Claimed, limits: Limits) -> Room:
    """How much a plan may hold; who has nothing left gets the last turn instead of this answer."""
    left = _calls_left(claimed.course, limits)
    steps = min(claimed.max_steps, limits.max_steps) - claimed.next_position - _RESERVED_STEPS
    return Room(
        calls=left if 0 < left < MOST_CALLS else MOST_CALLS,
        steps=steps if steps > 0 else None,
        at_once=limits.max_parallel,
    )


def _calls_left(course: Course, limits: Limits) -> int:
    return (
        MOST_CALLS if limits.max_tool_calls is None else limits.max_tool_calls - course.tool_calls
    )
