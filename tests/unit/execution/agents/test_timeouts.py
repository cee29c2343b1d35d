"""Time-outs of tools that an agent sets otherwise than they declare."""

from datetime import timedelta

import pytest

from agent_workers import Agent, Effect, tool
from agent_workers.domain.errors import Misdeclared
from agent_workers.execution.agents.files import Written, read_agents
from agent_workers.execution.agents.registry import Registry, load, loaded
from agent_workers.execution.values.yaml_places import Placed

SECOND = timedelta(seconds=1)


@tool(effect=Effect.PURE)
def look(at: str) -> str:
    """Look."""
    return at


def test_an_agent_sets_other_time_outs_and_the_tool_itself_keeps_its_own():
    agent = loaded(Agent(name="a", model="m", tools=[look], timeout_overrides={"look": SECOND}))
    assert agent.tools["look"].timeout_ms == 1_000
    assert agent.tools["look"].declared.rules.timeout == SECOND
    assert look.timeout == timedelta(seconds=30)


@tool(effect=Effect.KEYED, key_ttl=timedelta(minutes=5))
def pay(amount: int) -> int:
    """Pay."""
    return amount


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"nothing": SECOND}, "timeout_overrides.nothing: the agent has no such tool"),
        ({"pay": timedelta(0)}, "timeout_overrides.pay: tool 'pay': timeout must be positive"),
        ({"pay": timedelta(days=2)}, "timeout_overrides.pay: it must be at most a day"),
        ({"pay": timedelta(minutes=10)}, "key_ttl must be longer than"),
    ],
)
def test_a_time_out_that_cannot_be_is_a_mistake(overrides: dict[str, timedelta], words: str):
    with pytest.raises(Misdeclared, match=words):
        loaded(Agent(name="a", model="m", tools=[pay], timeout_overrides=overrides))


def test_a_document_sets_them_in_seconds():
    text = "name: a\nmodel: scripted/small\ntools: [look]\ntimeout_overrides: {look: 2.5}\n"
    [written] = read_agents(text, load([], beside=[look]), file="a.yaml")
    assert isinstance(written, Written)
    assert written.agent.tools["look"].timeout_ms == 2_500
    [wrong] = read_agents(text.replace("2.5", "0"), Registry(), file="a.yaml")
    assert isinstance(wrong, Placed)
    assert wrong.text.startswith("a.yaml:4: timeout_overrides.look")
