"""Checks of a plan before it is stored: tools, arguments, ids, dependencies, and how much it is."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from agent_workers.domain.agents.engine_tools import HAND_OFF
from agent_workers.domain.step import ToolCall
from agent_workers.execution.planner.references import references

# What evaluators read of a round is its whole plan, again and again.
MOST_CALLS: Final = 200
_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much a plan may be: calls of tools, steps of the job, and calls side by side."""

    calls: int = MOST_CALLS
    steps: int | None = None
    at_once: int | None = None


def problems_of(
    calls: Sequence[ToolCall], tools: Mapping[str, type[BaseModel]], room: Room
) -> tuple[str, ...]:
    """Say all that is wrong with a plan, in words for whoever made it."""
    shape = tuple(_of_shape(calls))
    if shape:
        return shape
    return (*_of_size(calls, room), *_of_tools(calls, tools))


def shape_problems(calls: Sequence[ToolCall]) -> tuple[str, ...]:
    """Say what is wrong with the ids and dependencies of a plan."""
    return tuple(_of_shape(calls))


def levels(calls: Sequence[ToolCall]) -> int:
    """Count the waves that a plan takes."""
    sorter = TopologicalSorter({call.call_id: call.after for call in calls})
    sorter.prepare()
    count = 0
    while sorter.is_active():
        sorter.done(*sorter.get_ready())
        count += 1
    return count


def _of_shape(calls: Sequence[ToolCall]) -> Iterator[str]:
    ids = [call.call_id for call in calls]
    known = set(ids)
    for call_id in ids:
        if not _ID.fullmatch(call_id):
            yield f"the id {call_id[:80]!r} is not 1 to 64 letters, digits, '_', '-' or '.'"
    if len(known) < len(ids):
        yield f"ids are not unique: {', '.join(sorted({i for i in ids if ids.count(i) > 1}))}"
        return
    for call in calls:
        yield from _of_dependencies(call, known)
    yield from _of_circles(calls, known)


def _of_dependencies(call: ToolCall, known: Collection[str]) -> Iterator[str]:
    for other in call.after:
        if other not in known:
            yield f"{call.call_id!r} depends on {other!r}, which is not a call of this plan"
    for reference in references(call.arguments):
        if reference.call_id not in call.after:
            yield f"{call.call_id!r} refers to {reference.call_id!r} without depending on it"


def _of_circles(calls: Sequence[ToolCall], known: Collection[str]) -> Iterator[str]:
    needs = {call.call_id: [i for i in call.after if i in known] for call in calls}
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        yield f"these calls wait for each other: {', '.join(error.args[1])}"


def _of_size(calls: Sequence[ToolCall], room: Room) -> Iterator[str]:
    if len(calls) > room.calls:
        yield f"there are {len(calls)} calls; at most {room.calls} are allowed"
    elif room.steps is not None and len(calls) + levels(calls) > room.steps:
        yield f"too many steps: {len(calls)} calls do not fit in the {room.steps} steps that are left"
    first = sum(not call.after for call in calls)
    if room.at_once is not None and first > room.at_once:
        yield f"{first} calls at once; at most {room.at_once} are allowed"


def _of_tools(calls: Sequence[ToolCall], tools: Mapping[str, type[BaseModel]]) -> Iterator[str]:
    if len(calls) > 1 and any(call.tool == HAND_OFF for call in calls):
        yield f"{HAND_OFF!r} stands alone: no other call may be planned with it"
    for call in calls:
        if call.tool not in tools:
            yield f"there is no tool {call.tool!r}, only {', '.join(sorted(tools))}"
        else:
            problem = _of_arguments(call, tools[call.tool])
            if problem:
                yield f"the arguments of {call.call_id!r} ({call.tool}): {problem}"


def _of_arguments(call: ToolCall, model: type[BaseModel]) -> str:
    """Check arguments against their schema; what a reference stands for is known only later."""
    try:
        model.model_validate_json(call.arguments)
    except ValidationError as error:
        places = [reference.place for reference in references(call.arguments)]
        found = error.errors(include_url=False, include_input=False, include_context=False)
        return "; ".join(_told(one) for one in found if not _passes(one, places))
    return ""


def _told(error: ErrorDetails) -> str:
    return f"{'.'.join(map(str, error['loc'])) or 'arguments'}: {error['msg']}"


def _passes(error: ErrorDetails, places: Sequence[tuple[str | int, ...]]) -> bool:
    is_unknown = error["type"] == "extra_forbidden"
    return not is_unknown and any(_is_within(error["loc"], place) for place in places)


def _is_within(place: Sequence[str | int], of: Sequence[str | int]) -> bool:
    """Say whether an error lies at a reference or in it; unions put words of their own between."""
    rest = iter(place)
    return all(part in rest for part in of)
