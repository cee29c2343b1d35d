"""Fallbacks that lead nowhere are mistakes of the declaration."""

from agent_workers.domain.agents.agent import Agent, Answer
from agent_workers.domain.agents.mistakes import mistakes_of
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.tools.declaring import tool
from agent_workers.domain.tools.tool import Tool


def named(name: str, fallback: str | None) -> Tool:
    @tool(effect=EffectClass.PURE, name=name, fallback=fallback)
    def nothing() -> None:
        """Do nothing."""

    return nothing


def mistakes(*tools: Tool) -> list[str]:
    agent = Agent(name="a", tools=tools, plan=lambda _: Answer(1))
    return [mistake.text for mistake in mistakes_of(agent)]


def test_a_chain_of_fallbacks_that_ends_is_fine() -> None:
    assert mistakes(named("a", "b"), named("b", "c"), named("c", None)) == []


def test_fallbacks_that_go_in_a_circle_are_a_mistake_of_those_in_it() -> None:
    assert mistakes(named("a", "b"), named("b", "c"), named("c", "b")) == [
        "the fallbacks of 'b' form a circle",
        "the fallbacks of 'c' form a circle",
    ]


def test_a_tool_that_is_its_own_fallback_is_a_circle() -> None:
    assert mistakes(named("a", "a")) == ["the fallbacks of 'a' form a circle"]
