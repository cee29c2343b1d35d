"""A model that says what it was told to say, and remembers what it was asked."""

from collections.abc import Sequence

from agent_workers.domain.budget import Usage
from agent_workers.execution.models.failures import ModelFailed
from agent_workers.execution.models.values import (
    FinishReason,
    ModelReply,
    ModelRequest,
    ToolCallWish,
)

USED = Usage(input=10, output=5, cost_micro=7)


def said(
    text: str = "", *calls: ToolCallWish, finish_reason: FinishReason | None = None
) -> ModelReply:
    return ModelReply(
        text=text,
        tool_calls=calls,
        usage=USED,
        price_version="test",
        finish_reason=finish_reason or ("tool_calls" if calls else "stop"),
        model="fake",
    )


def wish(name: str, arguments_json: str, call_id: str = "c1") -> ToolCallWish:
    return ToolCallWish(id=call_id, name=name, arguments_json=arguments_json)


class SaidModel:
    def __init__(self, *replies: ModelReply | ModelFailed) -> None:
        self._replies: Sequence[ModelReply | ModelFailed] = replies
        self.asked: list[ModelRequest] = []

    def complete(self, request: ModelRequest, *, deadline_s: float) -> ModelReply:
        assert deadline_s > 0
        self.asked.append(request)
        reply = self._replies[len(self.asked) - 1]
        if isinstance(reply, ModelFailed):
            raise reply
        return reply
