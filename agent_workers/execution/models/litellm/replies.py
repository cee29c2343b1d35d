"""Reads what litellm gives, whole or in chunks, into a `ModelReply`, and prices it."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from agent_workers.domain.budget import Usage
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.litellm.shape import (
    Answer,
    CallDelta,
    Choice,
    Chunk,
    MessageShape,
)
from agent_workers.execution.models.named.prices import PriceTable
from agent_workers.execution.models.tool_names import names_of
from agent_workers.execution.models.values import (
    FinishReason,
    ModelReply,
    ModelRequest,
    ToolCallWish,
)

_FINISHED: Final[dict[str, FinishReason]] = {"length": "length", "content_filter": "refusal"}


def read_reply(response: Answer, *, request: ModelRequest, prices: PriceTable) -> ModelReply:
    """Take over what the provider said; an answer without a choice is malformed."""
    usage = _usage(response)
    if not response.choices:
        message = f"the answer of model {request.model!r} has no choices"
        raise ModelFailed(ErrorClass.MALFORMED, message)
    choice = response.choices[0]
    wishes = _wishes(choice.message, names_of(request.tools))
    refusal = _refusal(choice.message)
    return ModelReply(
        text=choice.message.content or refusal,
        tool_calls=wishes,
        usage=_priced(usage, request=request, prices=prices),
        price_version=prices.version,
        finish_reason="refusal" if refusal else _finish_reason(choice, wishes),
        model=response.model or request.model,
    )


def _priced(usage: Usage, *, request: ModelRequest, prices: PriceTable) -> Usage:
    if usage.input > 0:
        return prices.priced(request.model, replace(usage, calls=1))
    # The provider did not say what it used, so the worst case stands: never too little.
    return Usage(cost_micro=prices.worst_case_micro(request), calls=1)


def _usage(response: Answer) -> Usage:
    usage = getattr(response, "usage", None)
    prompt = getattr(usage, "prompt_tokens_details", None)
    completion = getattr(usage, "completion_tokens_details", None)
    written = _count(usage, "cache_creation_input_tokens")
    return Usage(
        input=_count(usage, "prompt_tokens"),
        cached=_count(prompt, "cached_tokens"),
        cache_write=written or _count(prompt, "cache_creation_tokens"),
        output=_count(usage, "completion_tokens"),
        reasoning=_count(completion, "reasoning_tokens"),
    )


def _count(holder: object, name: str) -> int:
    value = getattr(holder, name, None)
    return max(value, 0) if isinstance(value, int) else 0


def _wishes(message: MessageShape, names: Mapping[str, str]) -> tuple[ToolCallWish, ...]:
    return tuple(
        ToolCallWish(
            id=call.id or f"call_{number}",
            name=names.get(call.function.name or "", call.function.name or ""),
            arguments_json=call.function.arguments or "{}",
        )
        for number, call in enumerate(message.tool_calls or ())
    )


def _refusal(message: MessageShape) -> str:
    """Find a refusal; litellm keeps what is not common to all providers aside."""
    aside = getattr(message, "provider_specific_fields", None)
    kept = aside.get("refusal") if isinstance(aside, dict) else None
    return str(getattr(message, "refusal", None) or kept or "")


def _finish_reason(choice: Choice, wishes: tuple[ToolCallWish, ...]) -> FinishReason:
    # Providers say "stop" with tool calls, too; what is there counts, not what it is called.
    return _FINISHED.get(choice.finish_reason or "", "tool_calls" if wishes else "stop")


Say = Callable[[str], None]


@dataclass(slots=True, kw_only=True)
class _Function:
    name: str = ""
    arguments: str = ""


@dataclass(slots=True, kw_only=True)
class _Call:
    id: str = ""
    function: _Function = field(default_factory=_Function)


@dataclass(slots=True, kw_only=True)
class _Message:
    content: str = ""
    refusal: str = ""
    calls: dict[int, _Call] = field(default_factory=dict)

    @property
    def tool_calls(self) -> list[_Call]:
        return [self.calls[index] for index in sorted(self.calls)]


@dataclass(slots=True, kw_only=True)
class _Choice:
    message: _Message = field(default_factory=_Message)
    finish_reason: str | None = None


@dataclass(slots=True, kw_only=True)
class Streamed:
    """A response as it grows; nothing in it is guessed: without usage, the worst case is booked."""

    model: str | None = None
    usage: object = None
    choices: list[_Choice] = field(default_factory=list)

    def add(self, chunk: Chunk) -> str:
        """Take a chunk in; return what it added to the text."""
        self.model = self.model or chunk.model
        self.usage = getattr(chunk, "usage", None) or self.usage
        if not chunk.choices:
            return ""
        choice, piece = self._choice(), chunk.choices[0]
        choice.finish_reason = piece.finish_reason or choice.finish_reason
        choice.message.refusal += _streamed_refusal(chunk, piece.delta)
        _add_calls(choice.message, piece.delta.tool_calls or ())
        text = piece.delta.content or ""
        choice.message.content += text
        return text

    def _choice(self) -> _Choice:
        if not self.choices:
            self.choices.append(_Choice())
        return self.choices[0]


async def put_together(chunks: AsyncIterator[Chunk], say: Say) -> Streamed:
    """Read a stream to its end, saying each piece of text when it comes."""
    streamed = Streamed()
    async for chunk in chunks:
        text = streamed.add(chunk)
        if text:
            say(text)
    return streamed


def _add_calls(message: _Message, pieces: Iterable[CallDelta]) -> None:
    """A call comes in pieces: its name once, then its arguments bit by bit."""
    for piece in pieces:
        call = message.calls.setdefault(piece.index, _Call())
        call.id = call.id or piece.id or ""
        call.function.name = call.function.name or piece.function.name or ""
        call.function.arguments += piece.function.arguments or ""


def _streamed_refusal(*holders: object) -> str:
    """Find a refusal where a provider or litellm puts it."""
    found = (getattr(holder, "refusal", None) for holder in holders)
    return "".join(str(refusal) for refusal in found if refusal)
