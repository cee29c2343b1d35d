"""What the journal says of a step that was recorded."""

import json
from datetime import timedelta

from agent_workers.domain import codec
from agent_workers.domain.claim import Claimed
from agent_workers.domain.decision import TryAgain
from agent_workers.domain.step import Judged, Outcome, Planned, StepKind, ToolRan
from agent_workers.domain.text.encoding import canonical

_REASON_CHARS = 500
# Which part of the system a step of this kind is done by, in the journal's words.
_COMPONENTS = {
    StepKind.PLAN: "planner",
    StepKind.TOOL: "tool_router",
    StepKind.EVALUATE: "evaluator",
}


def entry_of(claimed: Claimed, outcome: Outcome) -> bytes:
    """Write the entry: what the step gave, and by whom; no prompts, no results."""
    event = {
        "stage": "execute",
        "component": _COMPONENTS[claimed.kind],
        "position": claimed.position,
        "kind": claimed.kind,
        "round": claimed.round,
        "outcome": codec.TYPES[type(outcome)],
    }
    if claimed.tool:
        event["tool"] = claimed.tool
    if model := getattr(outcome, "model", ""):
        event["model"] = codec.plain(model)
    if isinstance(outcome, ToolRan) and outcome.cached_at is not None:
        event["cached_at"] = outcome.cached_at.isoformat()
    if isinstance(outcome, Planned):
        event["workflow"] = outcome.workflow
        event["tools"] = [call.tool for call in outcome.calls]
    if isinstance(outcome, Judged):
        reason = codec.plain(outcome.reason or outcome.question)[:_REASON_CHARS]
        event |= {"verdict": outcome.verdict, "by": outcome.by}
        event |= {"reason": reason} if reason else {}
    return json.dumps(event).encode("ascii")


def entry_of_retry(claimed: Claimed, decision: TryAgain) -> bytes:
    """Write the entry of an attempt that gave nothing: why, and when the next one is due."""
    event = {
        "stage": "execute",
        "component": "recovery",
        "position": claimed.position,
        "kind": claimed.kind,
        **({"tool": claimed.tool} if claimed.tool else {}),
        **({"unanswered": claimed.effect} if decision.unanswered else {}),
        "code": decision.code,
        "message": decision.message,
        "delay_ms": round(decision.delay / timedelta(milliseconds=1)),
    }
    return canonical(event)
