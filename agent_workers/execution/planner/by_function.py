"""Plans by a function of the user's: its wishes in the engine's words, or why they cannot be."""

from collections.abc import Sequence
from itertools import count

from agent_workers.domain.agents.agent import Answer, GiveUp, Plan, Situation, Use
from agent_workers.domain.errors import BadReturn
from agent_workers.domain.step import GaveUp, Planned, ToolCall
from agent_workers.domain.text.encoding import bounded
from agent_workers.execution.planner.checks import shape_problems
from agent_workers.execution.planner.references import MARK
from agent_workers.execution.planner.told import results_so_far
from agent_workers.execution.values.plain import gave_of
from agent_workers.execution.values.returned import answered, arguments


def planned(decision: object, situation: Situation, who: str = "Planner") -> Planned | GaveUp:
    """Say what a planner decided; at a limit, a wish for more tools ends with what there is.

    `who`: how the planner is called where it returned something that nothing can be done with.
    """
    limit = situation.course.finalising
    match decision:
        case Plan() if limit:
            return Planned(
                calls=(), answer=bounded(results_so_far(situation)), degraded=degraded_by(limit)
            )
        case Plan():
            return _calls(decision, who)
        case Answer():
            answer = bounded(answered(decision.output, who))
            return Planned(calls=(), answer=answer, degraded=degraded_by(limit) if limit else "")
        case GiveUp():
            return GaveUp(code="gave_up", message=decision.reason)
        case _:
            may = "return a Plan, an Answer or GiveUp"
            raise BadReturn(f"{who} returned {gave_of(decision)}; {may}.")


def degraded_by(limit: str) -> str:
    """Say in a job's result which limit ended it."""
    return f"limit: {limit}"


def _calls(plan: Plan, who: str) -> Planned | GaveUp:
    problem = _unlike_uses(plan.uses)
    if problem:
        raise BadReturn(f"{who} returned a Plan of {problem}; a Plan is a list of Uses.")
    if not plan.uses:
        return GaveUp(code="empty_plan", message="the plan has no tools and no answer")
    taken = {use.id for use in plan.uses}
    free = (name for name in (f"c{number}" for number in count(1)) if name not in taken)
    # What comes of a call is matched by its id, so each has one.
    calls = tuple([_call(use, use.id or next(free), who) for use in plan.uses])
    # Most plans of functions are tools side by side: nothing about their shape can be wrong.
    if any(use.id or use.after for use in plan.uses) or any(MARK in c.arguments for c in calls):
        problems = shape_problems(calls)
        if problems:
            return GaveUp(code="invalid_plan", message="; ".join(problems))
    return Planned(calls=calls, workflow=plan.workflow)


def _unlike_uses(uses: object) -> str:
    if not isinstance(uses, Sequence):
        return f"one {gave_of(uses)}"
    return next((f"a {gave_of(use)}" for use in uses if not isinstance(use, Use)), "")


def _call(use: Use, call_id: str, who: str) -> ToolCall:
    return ToolCall(
        tool=use.tool,
        arguments=arguments(use.arguments, use.tool, who),
        call_id=call_id,
        after=tuple(use.after),
        description=use.description,
        done_when=use.done_when,
    )
