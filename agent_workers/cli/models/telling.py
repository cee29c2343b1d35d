"""Tells of models in words: where their keys are, what they cost, and what helps when one fails."""

from collections.abc import Mapping
from typing import Final

from agent_workers.execution.models.failures import ErrorClass
from agent_workers.execution.models.named.configured import ModelState
from agent_workers.execution.models.named.models import NamedModel
from agent_workers.execution.models.named.prices import Price
from agent_workers.execution.models.values import ModelReply

_MICRO: Final = 1_000_000
_LATER: Final = "try again later"
REMEDIES: Final[Mapping[ErrorClass, str]] = {
    ErrorClass.RATE_LIMIT: "this key asks the provider too often; set limits in models.yaml below the provider's",
    ErrorClass.OVERLOADED: _LATER,
    ErrorClass.SERVER_ERROR: f"the server failed; look at its log, or {_LATER}",
    ErrorClass.TIMEOUT: "it took too long; raise --seconds, or timeout_s in models.yaml",
    ErrorClass.CONNECTION: "is the server running at this address, and reachable from here?",
    ErrorClass.MALFORMED: "the answer is not from this kind of API; check the address and the provider",
    ErrorClass.TRUNCATED: "raise max_output_tokens",
    ErrorClass.AUTH: "check the key, and that it is meant for this address",
    ErrorClass.QUOTA: "the account has no credit left; check its billing",
    ErrorClass.NOT_FOUND: "the provider has no such model at this address; check `model` and `address`",
    ErrorClass.CONTEXT_WINDOW: "shorten the prompt, or use a model with a larger context window",
    ErrorClass.UNSUPPORTED: "the model does not support this request",
    ErrorClass.UNPRICED: "set `prices` in models.yaml",
    ErrorClass.BUDGET: "a budget is used up",
    ErrorClass.BAD_REQUEST: "the provider refuses a parameter; see `defaults` in models.yaml",
    ErrorClass.CONTENT_POLICY: "the provider refuses this prompt",
    ErrorClass.BREAKER_OPEN: _LATER,
    ErrorClass.UNKNOWN: "the provider's documentation may explain this message",
}


def row_of(state: ModelState) -> dict[str, object]:
    """Write a model as a row of the list."""
    return {
        "name": state.name,
        "model": state.model,
        "address": state.address,
        "key": state.key.source,
        "present": "yes" if state.has_key else "no",
        "prices": _price(state.price),
        "limits": _limits(state.named),
        "source": state.source,
    }


def replied(state: ModelState, reply: ModelReply, *, seconds: float) -> dict[str, object]:
    """Write what a call gave."""
    usage = reply.usage
    return {
        "model": reply.model,
        "address": state.address or "the provider's own",
        "key": state.key.source,
        "answer": reply.text or f"(no text; finish reason: {reply.finish_reason})",
        "tokens": f"{usage.input} in ({usage.cached} cached), {usage.output} out",
        "cost": f"{usage.cost_micro / _MICRO:.6f} USD",
        "took": f"{seconds:.2f} s",
    }


def _price(price: Price | None) -> str:
    if price is None:
        return "none"
    told = [f"in {price.input / _MICRO:g}", f"out {price.output / _MICRO:g}"]
    if price.cached != price.input:
        told.insert(1, f"cached {price.cached / _MICRO:g}")
    return ", ".join(told)


def _limits(named: NamedModel | None) -> str:
    if named is None:
        return ""
    said = {
        "requests/min": named.quota.requests_per_minute,
        "tokens/min": named.quota.tokens_per_minute,
        "context": named.context_tokens,
        "output": named.most_output_tokens,
    }
    return ", ".join(f"{value} {name}" for name, value in said.items() if value)
