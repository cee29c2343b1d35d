"""Checks of what calls gave: failures, results that are not what was promised, calls still to run."""

from collections import Counter
from dataclasses import replace
from typing import Final

from agent_workers.domain.agents.agent import Past
from agent_workers.domain.cause import Cause, sentence
from agent_workers.domain.step import Broke, Judged, ToolCall, Verdict
from agent_workers.execution.evaluator.checks_work import Work, asked_of, broken
from agent_workers.execution.planner.waves import calls_again, next_wave
from agent_workers.execution.users_code.breaking import broke_of
from agent_workers.execution.users_code.calling import call_within
from agent_workers.execution.values.plain import gave_of
from agent_workers.expressions.budget import Budget
from agent_workers.expressions.conditions import CannotTell, holds, is_condition

NAMES: Final = frozenset({"result", "results"})
# After as many tries as the tool allows, these may still pass by themselves.
_PASSING: Final = frozenset({"connection", "timeout", "try_later"})
_LONGEST = 500
# For the conditions of all calls of a wave together; about half a second.
_STEPS: Final = 2_000_000


class _CheckRaised(Exception):
    """A tool's own check of its results raised something, so nobody knows whether they are right."""

    def __init__(self, past: Past, error: Broke) -> None:
        super().__init__()
        self.error = error
        where = error.trouble.where if error.trouble else ""
        self.cause = Cause(
            code=error.code,
            message=sentence(f"The check of tool {past.tool!r}", error.code, error.message, where),
            position=past.position,
            tool=past.tool,
            where=where,
        )


def failed_calls(work: Work) -> Judged | None:
    """Of a whole plan: run failed calls once more where that is safe, else have another plan.

    The reason holds no words of a tool: they must not reach the planner of a whole plan.
    """
    failed = [past for past in work.results if past.type == "tool_failed"]
    if not failed or not work.whole_plan_first:
        return None
    tried = Counter(past.call_id for past in work.pasts if past.kind == "tool")
    if all(_may_pass(work, past) and tried[past.call_id] == 1 for past in failed):
        ids = [past.call_id for past in failed]
        calls = calls_again(work.situation, ids)
        return Judged(verdict=Verdict.RETRY, reason=f"trying again: {', '.join(ids)}", calls=calls)
    told = ", ".join(f"{past.call_id!r} ({past.tool}: {past.value['code']})" for past in failed)
    return Judged(verdict=Verdict.REPLAN, reason=f"these calls failed: {told}")


def broken_promises(work: Work) -> Judged | None:
    """Hold results against what their tools and the plan promised of them."""
    ran = [past for past in work.results if past.type == "tool_ran"]
    if not ran:
        return None
    planned = {call.call_id: call for call in work.calls if call.call_id}
    known = {past.call_id: past.value for past in ran if past.call_id}
    budget = Budget(_STEPS)
    for past in ran:
        call = planned.get(past.call_id)
        about = (past.call_id,) if past.call_id else ()
        try:
            problem = _broken_by_tool(work, past) or _not_done(past, call, known, budget)
        except _CheckRaised as raised:
            return replace(
                broken(work, raised.cause.message[:_LONGEST], about),
                cause=raised.cause,
                trouble=raised.error.trouble,
            )
        if problem:
            return broken(work, f"{past.call_id or past.tool}: {problem}"[:_LONGEST], about)
    return None


def calls_left(work: Work) -> Judged | None:
    """Go on with the plan: what waited for results that are in now."""
    if not any(call.after for call in work.calls):
        return None
    wave = next_wave(work.situation)
    if wave.ready:
        return Judged(verdict=Verdict.CONTINUE, reason="the plan goes on", calls=wave.ready)
    # A call that failed is told elsewhere, with what it blocked.
    if wave.problems and (work.whole_plan_first or not wave.failed):
        return broken(work, "; ".join(wave.problems)[:_LONGEST])
    return None


def criteria_of(work: Work) -> tuple[str, ...]:
    """Collect what the plan says in words, which only a reader can judge, of when calls are done."""
    named = ((call.call_id or call.tool, call.done_when) for call in work.calls if call.done_when)
    return tuple(f"{name}: {text}" for name, text in named if not is_condition(text, NAMES))


def _may_pass(work: Work, past: Past) -> bool:
    if past.call_id in asked_of(work.pasts):
        # A person was asked of it, and has said what is to be done.
        return False
    return bool(past.call_id) and work.is_pure(past.tool) and past.value["code"] in _PASSING


def _broken_by_tool(work: Work, past: Past) -> str:
    tool = work.agent.tools.get(past.tool)
    if tool is None or tool.declared.check is None:
        return ""
    try:
        within = tool.declared.timeout
        objection: object = call_within(within, tool.declared.check, past.value)
    except Exception as error:  # noqa: BLE001  # a check is a user's code; its failure objects too
        raise _CheckRaised(past, broke_of(error)) from None
    if objection is None:
        return ""
    if isinstance(objection, str):
        return objection
    return f"the check of {past.tool!r} returned {gave_of(objection)}; return text or None"


def _not_done(past: Past, call: ToolCall | None, known: dict[str, object], budget: Budget) -> str:
    if call is None or not call.done_when or not is_condition(call.done_when, NAMES):
        return ""
    try:
        if holds(call.done_when, {"result": past.value, "results": known}, budget):
            return ""
    except CannotTell as error:
        return f"`{call.done_when}` cannot be evaluated: {error}"
    return f"`{call.done_when}` is not true"
