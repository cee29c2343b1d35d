"""Counting what a job has used, in its course, as plans and verdicts are recorded."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from agent_workers.domain.budget import NO_USAGE
from agent_workers.domain.claim import Claimed
from agent_workers.domain.course import Course, repeat_key
from agent_workers.domain.step import Judged, Planned, Summarised, ToolCall
from agent_workers.orchestration.traits import AgentTraits

# A loop repeats itself soon; what a long job called hours ago would only make its row grow.
_REMEMBERED: Final = 64


def used(claimed: Claimed, outcome: Planned | Judged | Summarised) -> Course:
    """Add what models used for an outcome, and how much time the job had when it began."""
    course = claimed.course
    if claimed.deadline_ms is not None and course.span_ms == 0:
        course = replace(course, span_ms=max(1, claimed.deadline_ms))
    usage = outcome.usage
    if usage is NO_USAGE:
        return course
    return replace(
        course,
        model_calls=course.model_calls + usage.calls,
        tokens=course.tokens + usage.input + usage.output,
    )


def called(course: Course, calls: Sequence[ToolCall], agent: AgentTraits) -> Course:
    """Add calls that are handed out; only what is limited, or planned by a model, is counted."""
    limits = agent.limits
    if not (agent.by_model or limits.max_tool_calls is not None or limits.max_calls_of):
        return course
    by_tool = _added(course.by_tool, (call.tool for call in calls))
    return replace(course, tool_calls=course.tool_calls + len(calls), by_tool=by_tool)


def repeated(course: Course, calls: Sequence[ToolCall], agent: AgentTraits) -> Course:
    """Add what a model planned to what it planned before; a function may well call in a loop."""
    if not agent.by_model or not calls:
        return course
    keys = [repeat_key(call.tool, call.arguments) for call in calls]
    # Those of now come last, so that the oldest are the first to be forgotten.
    older = {key: count for key, count in course.repeats.items() if key not in set(keys)}
    counts = older | {key: course.repeats.get(key, 0) for key in keys}
    counted = _added(counts, keys)
    return replace(course, repeats=dict(list(counted.items())[-_REMEMBERED:]))


def in_circles(course: Course, calls: Sequence[ToolCall], agent: AgentTraits) -> bool:
    """Say whether a model planned one of these calls once too often."""
    if not agent.by_model:
        return False
    most = agent.limits.max_repeats
    # Of a plan with more calls than are remembered, the last ones speak for all.
    counts = (course.repeats.get(repeat_key(call.tool, call.arguments), 0) for call in calls)
    return any(count > most for count in counts)


def _added(counts: Mapping[str, int], more: Iterable[str]) -> Mapping[str, int]:
    added = dict(counts)
    for name, count in Counter(more).items():
        added[name] = added.get(name, 0) + count
    return added
