"""The words of one model call: what is asked and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from agent_workers.domain.budget import Usage
from agent_workers.domain.models.settings import NOTHING_SAID, ModelSettings

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]
FinishReason: TypeAlias = Literal["stop", "tool_calls", "length", "refusal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCallWish:
    """A call the model asks for; `arguments_json` is what it wrote, valid JSON or not."""

    id: str
    name: str
    arguments_json: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    role: Role
    content: str
    tool_calls: tuple[ToolCallWish, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSchema:
    name: str
    description: str
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseSchema:
    name: str
    schema: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One call to one named model; what has a ladder finds `model` by `purpose`."""

    model: str
    messages: tuple[Message, ...]
    max_output_tokens: int
    purpose: str
    tools: tuple[ToolSchema, ...] = ()
    # Nobody who watches the job reads what comes of it.
    is_private: bool = False
    response_schema: ResponseSchema | None = None
    # How it is asked besides; the longest answer stands above, where it is decided.
    settings: ModelSettings = NOTHING_SAID
    # Which model at which address a name of `models.yaml` stands for.
    stands_for: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReply:
    """What one call gave; `model` is the name that the provider reported, after ours if it has one.

    `usage` counts what failed on the way, too. `degraded` says in which way this is less than
    what was asked for: another model answered.
    """

    text: str
    usage: Usage
    price_version: str
    finish_reason: FinishReason
    model: str
    tool_calls: tuple[ToolCallWish, ...] = ()
    degraded: str = ""

    @property
    def cost_micro(self) -> int:
        """The price of this one call in micro-USD."""
        return self.usage.cost_micro
