"""The scripted model without litellm: the twin of the gateway, for tests that need no provider path."""

import re
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from agent_workers.domain.budget import Usage
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.named.prices import PriceTable, bytes_of
from agent_workers.execution.models.scripted.script import Fault, Heard, Saying, Script, fill
from agent_workers.execution.models.values import (
    FinishReason,
    Message,
    ModelReply,
    ModelRequest,
    ToolCallWish,
)

_BYTES_PER_TOKEN: Final = 4
_NEVER: Final = frozenset({"endless", "drip"})


class ScriptedModel:
    """Answers as a script says, priced and counted as the gateway does it."""

    def __init__(
        self, script: Script, *, prices: PriceTable, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._script = script
        self._prices = prices
        self._sleep = sleep

    def complete(self, request: ModelRequest, *, deadline_s: float) -> ModelReply:
        """Answer within `deadline_s`, or raise `ModelFailed`."""
        return self.stream(request, deadline_s=deadline_s, say=lambda _: None)

    def stream(
        self, request: ModelRequest, *, deadline_s: float, say: Callable[[str], None]
    ) -> ModelReply:
        """Do the same, word by word."""
        self._prices.of(request.model)
        scenario, words = self._script.choose(_heard(request))
        fault = scenario.fault
        is_endless = fault is not None and fault.kind in _NEVER
        is_late = is_endless or scenario.latency_s > deadline_s
        self._sleep(max(deadline_s, 0) if is_late else scenario.latency_s)
        if is_late:
            fault = Fault(kind="timeout", message=f"no whole answer within {deadline_s:.3f} s")
        if fault is not None:
            raise _failed(fault).booked(self._prices.worst_case_micro(request))
        reply = self._reply(scenario.saying, words, request)
        for word in re.findall(r"\S+\s*|\s+", reply.text):
            say(word)
        return reply

    def _reply(self, saying: Saying, words: Mapping[str, str], request: ModelRequest) -> ModelReply:
        text = saying.refusal or fill(saying.text, words)
        calls = tuple(
            ToolCallWish(
                id=f"call_{number}",
                name=fill(c.name, words),
                arguments_json=fill(c.arguments, words),
            )
            for number, c in enumerate(saying.calls)
        )
        used = Usage(
            input=bytes_of(request) // _BYTES_PER_TOKEN, output=1 + len(text.split()), calls=1
        )
        return ModelReply(
            text=text,
            tool_calls=calls,
            usage=self._prices.priced(request.model, used),
            price_version=self._prices.version,
            finish_reason=_finish_reason(saying),
            model=request.model,
        )


def _failed(fault: Fault) -> ModelFailed:
    wait = None if fault.retry_after_s is None else timedelta(seconds=fault.retry_after_s)
    # The faults of scripts are named by the classes that they lead to.
    return ModelFailed(ErrorClass(fault.kind), fault.message, retry_after=wait)


def _finish_reason(saying: Saying) -> FinishReason:
    if saying.refusal:
        return "refusal"
    if saying.finish_reason == "length":
        return "length"
    return "tool_calls" if saying.calls else "stop"


def _heard(request: ModelRequest) -> Heard:
    messages = request.messages
    return Heard(
        model=request.model,
        purpose=request.purpose,
        turn=sum(message.role == "assistant" for message in messages),
        last_role=messages[-1].role if messages else "",
        last_user=_last(messages, "user"),
        last_tool=_last(messages, "tool"),
        has_tools=bool(request.tools),
        system=_last(messages, "system"),
    )


def _last(messages: tuple[Message, ...], role: str) -> str:
    return next((m.content for m in reversed(messages) if m.role == role), "")
