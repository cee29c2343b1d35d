"""Models for tests: one that says what it is told to, in order, or that follows a script."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from typing_extensions import override

from agent_workers.domain.agents.agent import Use
from agent_workers.domain.budget import Usage
from agent_workers.execution.models.named.prices import Price, PriceTable, default_prices
from agent_workers.execution.models.ports import Model
from agent_workers.execution.models.scripted.files import load_script
from agent_workers.execution.models.scripted.in_memory import ScriptedModel
from agent_workers.execution.models.values import ModelReply, ModelRequest, ToolCallWish

# A text, an object to be said as JSON, or calls of tools.
Says: TypeAlias = str | Mapping[str, object] | Use | Sequence[Use]
# A file of scenarios, a model such as the fixture `recorded_model`, or what is said, in order.
Talks: TypeAlias = Path | Model | Sequence[Says]
_FREE = Price(input=0, cached=0, cache_write=0, output=0)


class Prices(PriceTable):
    """The prices that ship with the package; whatever they do not name costs nothing."""

    @override
    def of(self, model: str) -> Price:
        return self.prices.get(model, _FREE)


def prices() -> Prices:
    table = default_prices()
    return Prices(version=table.version, prices=table.prices)


@dataclass(slots=True)
class Saying:
    """Gives each request the next of what is to be said."""

    says: Sequence[Says]
    table: Prices
    asked: list[ModelRequest] = field(default_factory=list)

    def complete(self, request: ModelRequest, *, deadline_s: float) -> ModelReply:
        del deadline_s
        number = len(self.asked)
        self.asked.append(request)
        if number >= len(self.says):
            end = request.messages[-1].content[-200:] if request.messages else ""
            raise AssertionError(
                f"the model was asked {number + 1} times ({request.purpose}: {end!r}), and model= has"
                f" {number} replies: add one"
            )
        said = self.says[number]
        calls = [said] if isinstance(said, Use) else [] if isinstance(said, str | Mapping) else said
        text = (
            said if isinstance(said, str) else json.dumps(said) if isinstance(said, Mapping) else ""
        )
        return ModelReply(
            text=text,
            tool_calls=tuple(_wish(use, number, i) for i, use in enumerate(calls)),
            usage=self.table.priced(request.model, Usage(input=1, output=1, calls=1)),
            price_version=self.table.version,
            finish_reason="tool_calls" if calls else "stop",
            model=request.model,
        )


@dataclass(frozen=True, slots=True)
class Streaming:
    """Says a whole reply at once where one is wanted word by word."""

    model: Model

    def complete(self, request: ModelRequest, *, deadline_s: float) -> ModelReply:
        return self.model.complete(request, deadline_s=deadline_s)

    def stream(
        self, request: ModelRequest, *, deadline_s: float, say: Callable[[str], None]
    ) -> ModelReply:
        reply = self.complete(request, deadline_s=deadline_s)
        say(reply.text)
        return reply


def model_of(talks: Talks, table: Prices) -> Streaming:
    if isinstance(talks, Path):
        script = load_script(talks)
        return Streaming(ScriptedModel(script, prices=table, sleep=lambda _: None))
    return Streaming(Saying(talks, table) if isinstance(talks, Sequence) else talks)


def _wish(use: Use, number: int, index: int) -> ToolCallWish:
    arguments = json.dumps(dict(use.arguments))
    return ToolCallWish(id=f"call_{number}_{index}", name=use.tool, arguments_json=arguments)
