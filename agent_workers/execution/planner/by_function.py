"""Plans by a function of the user's: its wishes in the engine's words, or why they cannot be."""

from itertools import count
from typing import assert_never

from agent_workers.domain.agent import Answer, GiveUp, Plan, Situation, Use
from agent_workers.domain.encoding import canonical, total
from agent_workers.domain.step import GaveUp, Planned, ToolCall
from agent_workers.execution.planner.checks import shape_problems
from agent_workers.execution.planner.references import MARK
from agent_workers.execution.planner.told import results_so_far


def planned(decision: Plan | Answer | GiveUp, situation: Situation) -> Planned | GaveUp:
    """Say what a planner decided; at a limit, a wish for more tools ends with what there is."""
    limit = situation.course.finalising
    match decision:
        case Plan() if limit:
            return Planned(
                calls=(), answer=total(results_so_far(situation)), degraded=degraded_by(limit)
            )
        case Plan():
            return _calls(decision)
        case Answer():
            answer = total(decision.output)
            return Planned(calls=(), answer=answer, degraded=degraded_by(limit) if limit else "")
        case GiveUp():
            return GaveUp(code="gave_up", message=decision.reason)
    assert_never(decision)


def degraded_by(limit: str) -> str:
    """Say in a job's result which limit ended it."""
    return f"limit: {limit}"


def _calls(plan: Plan) -> Planned | GaveUp:
    if not plan.uses:
        return GaveUp(code="empty_plan", message="the plan has no tools and no answer")
    taken = {use.id for use in plan.uses}
    free = (name for name in (f"c{number}" for number in count(1)) if name not in taken)
    # What comes of a call is matched by its id, so each has one.
    calls = tuple([_call(use, use.id or next(free)) for use in plan.uses])
    # Most plans of functions are tools side by side: nothing about their shape can be wrong.
    if any(use.id or use.after for use in plan.uses) or any(MARK in c.arguments for c in calls):
        problems = shape_problems(calls)
        if problems:
            return GaveUp(code="invalid_plan", message="; ".join(problems))
    return Planned(calls=calls, workflow=plan.workflow)


def _call(use: Use, call_id: str) -> ToolCall:
    return ToolCall(
        tool=use.tool,
        arguments=canonical(use.arguments),
        call_id=call_id,
        after=tuple(use.after),
        description=use.description,
        done_when=use.done_when,
    )
