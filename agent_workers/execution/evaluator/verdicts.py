"""Verdicts in the engine's words: what functions and judges wish for, as far as it is safe."""

from collections import Counter
from collections.abc import Collection
from typing import assert_never

from agent_workers.domain.agents.agent import (
    Answer,
    Ask,
    Continue,
    Escalate,
    GiveUp,
    Past,
    Replan,
    Retry,
)
from agent_workers.domain.agents.agent import Verdict as Said
from agent_workers.domain.step import Judged, Verdict
from agent_workers.execution.evaluator.causes import why_failed
from agent_workers.execution.evaluator.checks_answer import accepted, problem_with
from agent_workers.execution.evaluator.checks_work import Work, unfit
from agent_workers.execution.planner.waves import calls_again


def said(work: Work, verdict: Said) -> Judged:
    """Put a function's verdict into the engine's words."""
    match verdict:
        case Answer():
            problem = problem_with(work, verdict.output)
            return unfit(work, problem) if problem else accepted(work, verdict.output)
        case Continue():
            return Judged(verdict=Verdict.CONTINUE, reason=verdict.reason)
        case Retry():
            return again(work, verdict.ids, verdict.reason)
        case Replan():
            return Judged(verdict=Verdict.REPLAN, reason=verdict.reason)
        case Escalate():
            return Judged(verdict=Verdict.ESCALATE, reason=verdict.reason)
        case Ask():
            return Judged(verdict=Verdict.ASK, question=verdict.question)
        case GiveUp():
            return Judged(verdict=Verdict.FAIL, reason=verdict.reason, cause=why_failed(work.pasts))
    assert_never(verdict)


def again(work: Work, ids: Collection[str], reason: str) -> Judged:
    """Run calls of the round again where that repeats no effect; otherwise it takes another plan."""
    wanted = set(ids) or {past.call_id for past in work.results if past.type == "tool_failed"}
    known = {past.call_id: past for past in work.results if past.call_id}
    problem = _in_the_way(work, wanted, known)
    if problem:
        told = f"{reason}; {problem}" if reason else problem
        return Judged(verdict=Verdict.REPLAN, reason=told, about=tuple(sorted(wanted)))
    calls = calls_again(work.situation, wanted)
    return Judged(verdict=Verdict.RETRY, reason=reason, calls=calls)


def marks_left(work: Work) -> tuple[str, ...]:
    """Name the tools that left a mark in this round, or may have."""
    marked = (
        past.tool
        for past in work.results
        if past.tool in work.agent.tools and not work.is_pure(past.tool)
        if not _left_no_mark(past)
    )
    return tuple(dict.fromkeys(marked))


def _in_the_way(work: Work, wanted: Collection[str], known: dict[str, Past]) -> str:
    if not wanted:
        return "no call has failed, and none was named"
    tried = Counter(past.call_id for past in work.pasts if past.kind == "tool")
    for id_ in sorted(wanted):
        past = known.get(id_)
        if past is None:
            return f"no call {id_!r} of this round has run"
        if not work.is_pure(past.tool) and not _left_no_mark(past):
            return f"{past.tool!r} may have taken effect and is not run again"
        if tried[id_] > work.agent.declared.limits.max_repeats:
            return f"{id_!r} has run {tried[id_]} times already"
    return ""


def _left_no_mark(past: Past) -> bool:
    return past.type == "tool_failed" and bool(past.value.get("left_no_mark"))
