"""Reads a litellm response into a `ModelReply`, and prices it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from agent_workers.domain.budget import Usage
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.litellm.shape import Answer, Choice, MessageShape
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
