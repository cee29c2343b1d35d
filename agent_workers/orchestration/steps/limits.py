"""The limits on a job: which one would be passed, told before the work is handed out.

One turn is always kept in reserve: whoever reaches a limit still ends with a summary.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from agent_workers.domain.claim import Claimed
from agent_workers.domain.course import Course
from agent_workers.domain.step import ToolCall
from agent_workers.orchestration.traits import AgentTraits, ToolTraits

# What a job fails with when not even the turn in reserve gave an end.
CODES: Final = {
    "max_steps": "too_many_steps",
    "max_rounds": "too_many_rounds",
    "max_model_calls": "too_many_model_calls",
    "max_tool_calls": "too_many_tool_calls",
    "max_calls_of": "too_many_calls_of_a_tool",
    "max_tokens": "too_many_tokens",
    "max_replans": "too_many_replans",
    "deadline": "deadline_near",
    "budget": "budget_spent",
}
# A plan and the evaluation of what it says, and the turn in reserve.
_POSITIONS_OF_A_ROUND = 3
# The evaluation that joins the calls, and the turn in reserve.
_POSITIONS_BESIDE_CALLS = 2
# Two turns: the one that is asked for, and the one in reserve.
_TURNS = 2
_SHARE_OF_DEADLINE = 10


def before_round(
    claimed: Claimed, course: Course, left_micro: int | None, agent: AgentTraits
) -> str:
    """Name the limit that another round would pass, or nothing."""
    limits = agent.limits
    if claimed.round + 1 >= limits.max_rounds:
        return "max_rounds"
    if claimed.next_position + _POSITIONS_OF_A_ROUND > most_steps(claimed, agent):
        return "max_steps"
    if limits.max_model_calls is not None and course.model_calls + _TURNS > limits.max_model_calls:
        return "max_model_calls"
    if limits.max_tokens is not None and course.tokens + _TURNS * _turn(course) > limits.max_tokens:
        return "max_tokens"
    turns = _TURNS * agent.plan_hold_micro + agent.evaluate_hold_micro
    return _of_time_and_money(claimed, course, left_micro, turns, agent)


def before_calls(
    claimed: Claimed,
    course: Course,
    calls: Sequence[ToolCall],
    left_micro: int | None,
    agent: AgentTraits,
) -> str:
    """Name the limit that these calls, side by side, would pass, or nothing."""
    limits, count = agent.limits, len(calls)
    positions = sum(_steps_of(call.tool, agent) for call in calls)
    if claimed.next_position + positions + _POSITIONS_BESIDE_CALLS > most_steps(claimed, agent):
        return "max_steps"
    if limits.max_tool_calls is not None and course.tool_calls + count > limits.max_tool_calls:
        return "max_tool_calls"
    if limits.max_calls_of and _too_many_of_one(course, calls, agent):
        return "max_calls_of"
    needed = agent.plan_hold_micro + agent.evaluate_hold_micro
    return _of_time_and_money(claimed, course, left_micro, needed, agent)


def most_steps(claimed: Claimed, agent: AgentTraits) -> int:
    """The job's own bound and that of its agent, whichever is nearer."""
    return min(claimed.max_steps, agent.limits.max_steps)


def _steps_of(tool: str, agent: AgentTraits) -> int:
    """How many steps a call may take: its own, its fallbacks', and a person's who is asked then."""
    known, chain = agent.tools.get(tool), list[ToolTraits]()
    # Circles are refused when an agent is loaded; whoever builds traits by hand ends here, too.
    while known is not None and known not in chain:
        chain.append(known)
        known = agent.tools.get(known.fallback)
    return max(1, len(chain)) + any(one.asks for one in chain)


def _turn(course: Course) -> int:
    """What one more model call will use, as far as the past ones tell."""
    return course.tokens // course.model_calls if course.model_calls else 0


def _too_many_of_one(course: Course, calls: Sequence[ToolCall], agent: AgentTraits) -> bool:
    wanted = Counter(call.tool for call in calls)
    return any(
        course.by_tool.get(tool, 0) + wanted[tool] > most
        for tool, most in agent.limits.max_calls_of.items()
        if wanted[tool]
    )


def _of_time_and_money(
    claimed: Claimed, course: Course, left_micro: int | None, needed: int, agent: AgentTraits
) -> str:
    if claimed.deadline_ms is not None and claimed.deadline_ms < _time_of_an_end(course, agent):
        return "deadline"
    # What cannot even pay for the turn in reserve waits for more money instead.
    if left_micro is not None and agent.plan_hold_micro <= left_micro < needed:
        return "budget"
    return ""


def _time_of_an_end(course: Course, agent: AgentTraits) -> int:
    """Two turns at their longest, but never more than a tenth of the whole time."""
    return min(_TURNS * agent.plan_timeout_ms, course.span_ms // _SHARE_OF_DEADLINE)
