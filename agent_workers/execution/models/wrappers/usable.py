"""Asks a model until its answer can be used, telling it what was wrong, at most twice."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from agent_workers.domain.budget import NO_USAGE, Usage
from agent_workers.domain.text.encoding import canonical
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.ports import Model
from agent_workers.execution.models.values import Message, ModelReply, ModelRequest

T = TypeVar("T")
REPAIRS: Final = 2
_REASON_CHARS = 500


class Unusable(Exception):
    """A reply is not what was asked for; the message says why, in words for the model."""


class NeverUsable(ModelFailed):
    """A model was told what was wrong with its answer, and still gave none that can be used."""

    def __init__(self, reason: str, *, spent: Usage = NO_USAGE) -> None:
        message = f"the model's answer cannot be used: {reason}"
        super().__init__(ErrorClass.MALFORMED, message, spent=spent, cost_known=True)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Usable(Generic[T]):
    """What was made of a reply, what all the calls for it used, and what it was less than."""

    value: T
    usage: Usage
    model: str
    degraded: str = ""


def ask_until_usable(
    model: Model,
    request: ModelRequest,
    read: Callable[[ModelReply], T],
    *,
    deadline_s: float,
) -> Usable[T]:
    """Return what `read` made of a reply."""
    ends_at = time.monotonic() + deadline_s
    spent = NO_USAGE
    reason = ""
    for _ in range(1 + REPAIRS):
        reply = _ask(model, request, left_s=ends_at - time.monotonic(), spent=spent)
        spent += reply.usage
        _refuse_cut(reply, request, spent)
        try:
            return Usable(
                value=read(reply), usage=spent, model=reply.model, degraded=reply.degraded
            )
        except Unusable as unusable:
            reason = str(unusable)[:_REASON_CHARS]
            request = _with_correction(request, reply, reason)
    raise NeverUsable(reason, spent=spent)


def storable(value: object) -> bytes:
    """Encode what a model said, once; NaN, NUL and half a surrogate pair fit no database."""
    try:
        written = canonical(value)
        json.dumps(value, ensure_ascii=False).encode()
    except ValueError as broken:
        raise Unusable(f"it holds something that JSON has no form for: {broken}") from broken
    if b"\\u0000" in written:
        raise Unusable("it holds a NUL character")
    return written


def storable_text(text: str) -> str:
    """Take out of a text for people what no database would keep."""
    return text.encode(errors="replace").decode().replace("\x00", "")


def _ask(model: Model, request: ModelRequest, *, left_s: float, spent: Usage) -> ModelReply:
    try:
        return model.complete(request, deadline_s=left_s)
    except ModelFailed as failed:
        failed.spent += spent
        raise


def _refuse_cut(reply: ModelReply, request: ModelRequest, spent: Usage) -> None:
    if reply.finish_reason == "length":
        message = (
            f"the answer did not fit in {request.max_output_tokens} tokens (max_output_tokens)"
        )
        raise ModelFailed(ErrorClass.TRUNCATED, message, spent=spent, cost_known=True)


def _with_correction(request: ModelRequest, reply: ModelReply, reason: str) -> ModelRequest:
    # As plain text: providers refuse a history whose tool calls have no result or broken JSON.
    calls = "\n".join(f"{call.name}({call.arguments_json})" for call in reply.tool_calls)
    said = Message(role="assistant", content=f"{reply.text}\n{calls}".strip() or "(nothing)")
    correction = f"Your last answer cannot be used: {reason}. Answer again, as you were asked to."
    return replace(
        request, messages=(*request.messages, said, Message(role="user", content=correction))
    )
