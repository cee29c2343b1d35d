"""Doing what every agent may plan besides its tools: waiting for time, agents, events, people."""

import json
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any, assert_never
from uuid import UUID, uuid5

from agent_workers.domain.agents.engine_calls import (
    AwaitEvent,
    BadArguments,
    Delegate,
    Question,
    SendEvent,
    Sleep,
    read_call,
)
from agent_workers.domain.agents.engine_tools import ENGAGED, GO_ON
from agent_workers.domain.budget import Usage
from agent_workers.domain.cause import cause_of_error
from agent_workers.domain.claim import Claimed
from agent_workers.domain.decision import Park
from agent_workers.domain.effect import EffectClass, EffectRules
from agent_workers.domain.ids import JobId
from agent_workers.domain.step import Lane, ToolFailed, ToolRan
from agent_workers.domain.text.encoding import bounded, canonical
from agent_workers.domain.wait import Child, Wait, Waited, WaitKind
from agent_workers.orchestration.traits import AgentTraits, ToolTraits

_TIMEOUT = timedelta(seconds=30)
_RULES = EffectRules(cls=EffectClass.PURE, timeout=_TIMEOUT)
_CHILDREN = UUID("8a0c3b0e-2b7e-5b0f-8f0d-4f1f0e6c9b57")
TRAITS = {
    name: ToolTraits(name=name, rules=_RULES, lane=Lane.TOOL, timeout_ms=30_000, max_tries=4)
    for name in ENGAGED
}
Engaged = ToolRan | ToolFailed | Park | SendEvent


def engage(claimed: Claimed, waited: Waited | None, agent: AgentTraits) -> Engaged:
    """Begin to wait, or go on with what has come; an event is the caller's to send."""
    try:
        wish = read_call(claimed.tool, claimed.arguments)
    except BadArguments as error:
        return ToolFailed(code=error.code, message=f"{claimed.tool}: {error}")
    match wish:
        case SendEvent():
            return wish
        case Delegate():
            return _delegate(claimed, wish, waited, agent)
        case AwaitEvent():
            wait = Wait(kind=WaitKind.EVENT, key=wish.name, timeout=wish.timeout)
            return _event(wish, waited) or Park(wait=wait)
        case Sleep():
            return _sleep(wish, waited)
        case Question():
            return _answered(wish, waited) or Park(wait=_question(claimed, wish))
    assert_never(wish)


def child_of(job_id: UUID, position: int) -> JobId:
    """Derive the id of the job that a step starts: however often it tries, it is the same one."""
    return JobId(uuid5(_CHILDREN, f"{job_id.hex}:{position}"))


def _delegate(
    claimed: Claimed, wish: Delegate, waited: Waited | None, agent: AgentTraits
) -> ToolRan | ToolFailed | Park:
    if waited is not None and waited.answer is not None:
        return child_answered(wish.agent, waited)
    refused = _refused(claimed, wish, agent)
    if refused is not None and waited is None:
        return refused
    child = Child(
        job_id=child_of(claimed.job_id, claimed.position),
        agent=wish.agent,
        input=bounded(wish.input),
        max_cost_micro=wish.max_cost_micro,
        # What is left must do for judging what comes back.
        reserve_micro=agent.evaluate_hold_micro + agent.plan_hold_micro,
    )
    prompt = canonical({"agent": wish.agent})
    key = str(child.job_id)
    return Park(
        wait=Wait(kind=WaitKind.CHILD, key=key, timeout=wish.timeout, prompt=prompt, child=child)
    )


def _refused(claimed: Claimed, wish: Delegate, agent: AgentTraits) -> ToolFailed | None:
    if claimed.depth >= agent.limits.max_depth:
        message = f"this job is at depth {claimed.depth}, and `max_depth` of agent {agent.name!r} allows no deeper one"
        return ToolFailed(code="too_deep", message=message)
    if agent.team and wish.agent not in {*agent.team, agent.fallback}:
        message = (
            f"{wish.agent!r} is not in the team of {agent.name!r}: {', '.join(sorted(agent.team))}"
        )
        return ToolFailed(code="not_in_team", message=message)
    return None


def _event(wish: AwaitEvent, waited: Waited | None) -> ToolRan | ToolFailed | None:
    if waited is None or (waited.answer is None and not waited.timed_out):
        return None
    if waited.answer is None:
        return ToolFailed(code="timed_out", message=f"no event {wish.name!r} came in time")
    named = json.dumps(wish.name).encode("ascii")
    return ToolRan(result=b'{"name":' + named + b',"data":' + waited.answer + b"}")


def _sleep(wish: Sleep, waited: Waited | None) -> ToolRan | Park:
    seconds = wish.span.total_seconds()
    if waited is None or not waited.timed_out:
        return Park(wait=Wait(kind=WaitKind.TIMER, key="", timeout=wish.span))
    return ToolRan(result=canonical({"waited_seconds": seconds}))


def _answered(wish: Question, waited: Waited | None) -> ToolRan | ToolFailed | None:
    if waited is None or (waited.answer is None and not waited.timed_out):
        return None
    if waited.answer is None:
        return ToolFailed(code="timed_out", message="nobody answered in time")
    if wish.about is None:
        return ToolRan(result=b'{"answer":' + waited.answer + b"}")
    about = canonical(asdict(wish.about))
    left_out = waited.answer == canonical(GO_ON)
    return ToolRan(
        result=b'{"answer":' + waited.answer + b',"about":' + about + b"}",
        degraded=f"without {wish.about.tool}: a person said to {GO_ON}" if left_out else "",
    )


def _question(claimed: Claimed, wish: Question) -> Wait:
    return Wait(
        kind=WaitKind.PERSON,
        # Never the same again: an answer that is sent twice must not answer a later question.
        key=f"question_{claimed.position}",
        timeout=wish.timeout,
        prompt=canonical({"question": wish.question, "choices": list(wish.choices)}),
    )


def still_holding(claimed: Claimed, waited: Waited | None) -> Claimed:
    """What a wait has held is given back when its step is recorded."""
    return claimed if waited is None else replace(claimed, hold_micro=waited.held_micro)


_LONGEST = 2_000


def child_answered(agent: str, waited: Waited) -> ToolRan | ToolFailed:
    """Give the child's answer, or its error as data; what it cost is booked either way."""
    # Any: written by `child_ended`; the output in it is of the other agent's shape.
    ended: dict[str, Any] = json.loads(waited.answer or b"{}")
    usage = _usage(ended)
    if ended["status"] == "succeeded":
        return ToolRan(
            result=bounded(ended["output"]), usage=usage, degraded=_degraded(agent, ended)
        )
    error = ended.get("error") or {}
    if ended["status"] == "refused":
        return ToolFailed(code=str(error["code"]), message=str(error["message"]))
    why = f"{error.get('code', '')}: {error.get('message', '')}" if error else "it was canceled"
    message = f"{agent} has {ended['status']}: {why}" if error else f"{agent}: {why}"
    return ToolFailed(
        code=f"child_{ended['status']}",
        message=message[:_LONGEST],
        usage=usage,
        cause=cause_of_error(error),
    )


def _usage(ended: dict[str, Any]) -> Usage:
    read, cached, written = ended.get("tokens") or (0, 0, 0)
    return Usage(
        input=read, cached=cached, output=written, cost_micro=int(ended.get("spent_micro", 0))
    )


def _degraded(agent: str, ended: dict[str, Any]) -> str:
    said = [one if isinstance(one, str) else json.dumps(one) for one in ended.get("degraded", ())]
    return f"{agent}: {'; '.join(said)}"[:_LONGEST] if said else ""
