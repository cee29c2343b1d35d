"""The price table: what a call cost, and what it can cost at most, in whole micro-USD."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib import resources

import yaml

from agent_workers.domain.budget import Usage
from agent_workers.domain.errors import Misdeclared
from agent_workers.execution.models.failures import ModelUnpriced
from agent_workers.execution.models.values import Message, ModelRequest

_TOKENS = 1_000_000  # prices are micro-USD per this many tokens, so that all sums are integers
# What providers add around our text: role marks, tool preambles, the schema's own instructions.
_TOKENS_PER_REQUEST = 1_024
_TOKENS_PER_MESSAGE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Micro-USD per one million tokens."""

    input: int
    cached: int
    cache_write: int
    output: int

    def cost_micro(self, usage: Usage) -> int:
        """Price a usage, rounded up; `input` counts cached and cache-written tokens too."""
        plain = max(usage.input - usage.cached - usage.cache_write, 0)
        total = (
            plain * self.input
            + usage.cached * self.cached
            + usage.cache_write * self.cache_write
            + usage.output * self.output
        )
        return -(-total // _TOKENS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceTable:
    version: str
    prices: Mapping[str, Price]

    def of(self, model: str) -> Price:
        """Find a model's price, or refuse the model."""
        if model not in self.prices:
            raise ModelUnpriced(model)
        return self.prices[model]

    def priced(self, model: str, usage: Usage) -> Usage:
        """Write the price of a usage into it."""
        return replace(usage, cost_micro=self.of(model).cost_micro(usage))

    def worst_case_micro(self, request: ModelRequest) -> int:
        """Say what a request costs at most, without a tokenizer.

        No tokenizer in use makes more than one token of one byte, so the bytes sent bound the
        tokens billed: about four times too much for English prose, never too little.
        """
        price = self.of(request.model)
        dearest = max(price.input, price.cached, price.cache_write)
        tokens = _TOKENS_PER_REQUEST + bytes_of(request)
        total = tokens * dearest + request.max_output_tokens * price.output
        return -(-total // _TOKENS)


@cache
def default_prices() -> PriceTable:
    """Load the table that ships with the package: once, since each look at the models asks for it."""
    source = resources.files("agent_workers.execution.models.named").joinpath("prices.yaml")
    return load_prices(source.read_bytes())


def load_prices(source: bytes) -> PriceTable:
    """Parse a YAML price table; its version covers every byte of it."""
    document = yaml.safe_load(source)
    if not isinstance(document, dict) or not isinstance(document.get("models"), dict):
        raise Misdeclared("a price table needs `version` and `models`")
    return PriceTable(
        version=f"{document.get('version')}+{hashlib.sha256(source).hexdigest()[:8]}",
        prices={str(name): _price(name, row) for name, row in document["models"].items()},
    )


def _price(name: object, row: object) -> Price:
    if not isinstance(row, dict) or not {"input", "output"} <= row.keys():
        raise Misdeclared(f"the price of {name!r} needs `input` and `output`")
    unknown = row.keys() - {"input", "cached", "cache_write", "output"}
    if unknown:
        raise Misdeclared(
            f"the price of {name!r} has unknown fields: {', '.join(sorted(map(str, unknown)))}"
        )
    plain = _micro(name, row["input"])
    return Price(
        input=plain,
        cached=_micro(name, row.get("cached", row["input"])),
        cache_write=_micro(name, row.get("cache_write", row["input"])),
        output=_micro(name, row["output"]),
    )


def _micro(name: object, usd: object) -> int:
    try:
        return micro_usd(usd)
    except ValueError as error:
        raise Misdeclared(f"the price of {name!r} {error}") from None


def micro_usd(usd: object) -> int:
    """Read a price of a million tokens exactly; raises `ValueError`."""
    try:
        amount = Decimal(str(usd)) * 1_000_000
    except InvalidOperation:
        raise ValueError(f"is not a number: {usd!r}") from None
    if amount < 0 or amount != amount.to_integral_value():
        raise ValueError(f"is not in whole micro-USD: {usd!r}")
    return int(amount)


def bytes_of(request: ModelRequest) -> int:
    """Count what a request sends, as it will be written."""
    schemas = [dict(tool.parameters) for tool in request.tools]
    if request.response_schema is not None:
        schemas.append(dict(request.response_schema.schema))
    described = sum(len((t.name + t.description).encode()) for t in request.tools)
    return (
        described
        + len(json.dumps(schemas))
        + sum(_bytes_of_message(message) for message in request.messages)
    )


def _bytes_of_message(message: Message) -> int:
    called = sum(len((c.id + c.name + c.arguments_json).encode()) for c in message.tool_calls)
    return _TOKENS_PER_MESSAGE + called + len(message.content.encode(errors="surrogatepass"))
