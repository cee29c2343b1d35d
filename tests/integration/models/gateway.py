"""Builds real gateways for tests: litellm loaded once, a price for every model."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from agent_workers.execution.models.litellm.gateway import LiteLLMGateway
from agent_workers.execution.models.litellm.loading import load_litellm
from agent_workers.execution.models.litellm.loop_thread import LoopThread
from agent_workers.execution.models.litellm.shape import LiteLLM
from agent_workers.execution.models.named.access import Access
from agent_workers.execution.models.named.prices import Price, PriceTable
from agent_workers.execution.models.scripted.files import parse_scenarios
from agent_workers.execution.models.scripted.provider import register_scripted
from agent_workers.execution.models.scripted.script import Script
from agent_workers.execution.models.values import Message, ModelRequest, ToolSchema

# 1 USD a million in, 0.10 cached, 4 out.
PRICE = Price(input=1_000_000, cached=100_000, cache_write=1_000_000, output=4_000_000)
ADD = ToolSchema(
    name="add",
    description="Adds.",
    parameters={"type": "object", "properties": {"a": {"type": "integer"}}},
)


@cache
def the_litellm() -> LiteLLM:
    return load_litellm()


@contextmanager
def gateway_to(base: str, *models: str) -> Iterator[LiteLLMGateway]:
    loop = LoopThread()
    prices = PriceTable(version="test", prices={f"openai/{name}": PRICE for name in models})
    access = {"openai": Access(api_key="none", api_base=base)}
    try:
        yield LiteLLMGateway(litellm=the_litellm(), prices=prices, loop=loop, access=access)
    finally:
        loop.close()


@contextmanager
def scripted_gateway(script: Script | str) -> Iterator[LiteLLMGateway]:
    loop = LoopThread()
    prices = PriceTable(version="test", prices={"scripted/small": PRICE})
    read = Script(parse_scenarios(script)) if isinstance(script, str) else script
    register_scripted(the_litellm(), read, models=tuple(prices.prices))
    try:
        yield LiteLLMGateway(litellm=the_litellm(), prices=prices, loop=loop)
    finally:
        loop.close()


def request(
    text: str = "hi",
    *,
    model: str = "scripted/small",
    purpose: str = "plan",
    tools: tuple[ToolSchema, ...] = (),
) -> ModelRequest:
    return ModelRequest(
        model=model,
        messages=(Message(role="user", content=text),),
        tools=tools,
        max_output_tokens=50,
        purpose=purpose,
    )
