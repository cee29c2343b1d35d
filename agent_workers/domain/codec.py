"""Outcomes as stored bytes and back; payloads that are JSON already pass through untouched."""

import json
from typing import assert_never

from agent_workers.domain.claim import Claimed, Done
from agent_workers.domain.decision import Continue, Fail, Finish, Join
from agent_workers.domain.recovery import user_message
from agent_workers.domain.step import (
    GaveUp,
    Judged,
    NextStep,
    Outcome,
    Planned,
    Summarised,
    ToolCall,
    ToolFailed,
    ToolRan,
)
from agent_workers.domain.text.encoding import canonical
from agent_workers.domain.trouble import error_text, storable

TYPES: dict[type[Outcome], str] = {
    Planned: "planned",
    ToolRan: "tool_ran",
    ToolFailed: "tool_failed",
    Judged: "judged",
    GaveUp: "gave_up",
    Summarised: "summarised",
}


def encode(outcome: Outcome) -> bytes:
    """Write an outcome; its type stands in a column of its own."""
    match outcome:
        case ToolRan():
            return outcome.result
        case Planned():
            return _planned(outcome)
        case Judged():
            return _judged(outcome)
        case Summarised():
            return _summarised(outcome)
        case ToolFailed():
            failed = {"code": outcome.code, "message": outcome.message}
            more = {
                "fallback": outcome.fallback,
                "left_no_mark": outcome.left_no_mark,
                "where": outcome.trouble and storable(outcome.trouble.where),
                "cause": outcome.cause and outcome.cause.told(),
            }
            return canonical(failed | {name: value for name, value in more.items() if value})
        case GaveUp():
            return canonical({"code": outcome.code, "message": outcome.message})


def error_of(outcome: Outcome) -> bytes | None:
    """Write why a step failed for good, if it did: what people are shown, and no planner."""
    if isinstance(outcome, ToolFailed | GaveUp):
        return error_text(outcome.code, outcome.message, outcome.trouble)
    if isinstance(outcome, Judged) and outcome.trouble and outcome.cause:
        return error_text(outcome.cause.code, outcome.cause.message, outcome.trouble)
    return None


def done(claimed: Claimed, outcome: Outcome, written: bytes) -> Done:
    """Return what later steps of the job will see of this one."""
    return Done(
        position=claimed.position,
        round=claimed.round,
        kind=claimed.kind,
        tool=claimed.tool,
        call_id=claimed.call_id,
        type=TYPES[type(outcome)],
        outcome=written,
    )


def encode_steps(steps: tuple[NextStep, ...]) -> str | None:
    """Write the steps that follow, for the database to insert."""
    if not steps:
        return None
    return json.dumps(
        [
            {
                "kind": step.kind,
                "lane": step.lane,
                "round": step.round,
                "tool": step.tool,
                "call_id": plain(step.call_id),
                "arguments": step.arguments.decode("ascii"),
                "effect": step.effect,
                "timeout_ms": step.timeout_ms,
                "hold_micro": step.hold_micro,
            }
            for step in steps
        ]
    )


def what_follows(
    decision: Continue | Join | Finish | Fail,
) -> tuple[str, bytes | None, tuple[NextStep, ...]]:
    """Say how a job goes on: the word for it, its answer or error, and the steps that follow."""
    match decision:
        case Continue():
            return "next", None, decision.steps
        case Join():
            return "join", None, (decision.step,)
        case Finish():
            return "succeed", decision.output, ()
        case Fail():
            said = failure(
                decision.code,
                decision.message,
                for_people=decision.user_message,
                cause=decision.cause and decision.cause.told(),
            )
            return "fail", said, ()
    assert_never(decision)


def failure(code: str, message: str, *, for_people: str = "", cause: object = None) -> bytes:
    """Write why a job failed."""
    error = {"code": code, "message": message, "retryable": False, "cause": cause}
    return canonical(error | {"user_message": for_people or user_message(code)})


def plain(words: str) -> str:
    """Postgres refuses NUL and lone surrogates in text; what others wrote may hold either."""
    return words.replace("\0", "").encode("utf-8", "replace").decode("utf-8")[:2_000]


def _planned(outcome: Planned) -> bytes:
    if outcome.answer is not None:
        return b'{"answer":' + outcome.answer + b"}"
    if outcome.problems:
        return json.dumps({"problems": outcome.problems}).encode("ascii")
    calls = b",".join(map(_call, outcome.calls))
    workflow = json.dumps(outcome.workflow).encode("ascii")
    return b'{"workflow":' + workflow + b',"calls":[' + calls + b"]}"


def _call(call: ToolCall) -> bytes:
    written = (
        b'{"tool":' + json.dumps(call.tool).encode("ascii") + b',"arguments":' + call.arguments
    )
    if call.call_id:
        written += b',"id":' + json.dumps(call.call_id).encode("ascii")
    if not (call.after or call.description or call.done_when):
        return written + b"}"
    rest = {
        "after": list(call.after),
        "description": call.description,
        "done_when": call.done_when,
    }
    given = {name: value for name, value in rest.items() if value}
    return written + b"," + json.dumps(given)[1:].encode("ascii")


def _summarised(outcome: Summarised) -> bytes:
    told = {"summary": outcome.text, "first": outcome.first, "last": outcome.last}
    return canonical(told | {"version": outcome.version})


def _judged(outcome: Judged) -> bytes:
    ran_next = [call.call_id for call in outcome.calls]
    rest = {"question": outcome.question, "calls": ran_next, "about": list(outcome.about)}
    told = {"verdict": outcome.verdict, "reason": outcome.reason, "by": outcome.by}
    head = json.dumps(told | {name: value for name, value in rest.items() if value})[:-1]
    if outcome.output is None:
        return head.encode("ascii") + b"}"
    return head.encode("ascii") + b',"output":' + outcome.output + b"}"
