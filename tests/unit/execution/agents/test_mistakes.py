"""Declarations in Python are checked as strictly as those in files, when they are loaded."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agent_workers import Agent, Answer, Effect, Judging, Limits, Route, Situation, tool
from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.tools.tool import Tool
from agent_workers.execution.agents.registry import loaded

GOOD = Agent(name="good", model="m")


@tool(effect=Effect.PURE)
def look(at: str) -> str:
    """Look."""
    return at


@tool(effect=Effect.PURE, name="wait")
def taken() -> None:
    """Have a name that is the engine's own."""


@tool(effect=Effect.PURE, fallback="nowhere")
def falling() -> None:
    """Fall back to a tool that is not there."""


def answer(situation: Situation) -> Answer:
    """Answer with the question."""
    return Answer(situation.input)


def test_a_good_declaration_is_loaded():
    assert loaded(GOOD).declared is GOOD


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (replace(GOOD, name="a b"), "name: 'a b' is not a valid name"),
        (replace(GOOD, name="a@1"), "name: 'a@1' is not a valid name"),
        (replace(GOOD, version="1 "), "version: '1 ' is not a valid version"),
        (replace(GOOD, model=None), "it has neither plan= nor model="),
        (
            replace(GOOD, ladders={"thinking": ["m"]}),
            "ladders.thinking: 'thinking' is not one of plan",
        ),
        (replace(GOOD, ladders={"plan": []}), "ladders.plan: a ladder needs at least one model"),
        (
            replace(GOOD, prompts={"thinking": "x"}),
            "prompts.thinking: 'thinking' is not one of plan",
        ),
        (replace(GOOD, instructions="{{x}}"), "instructions: unknown variable 'x'"),
        (replace(GOOD, variables={"x": "y"}), "variables.x: no prompt uses it"),
        (replace(GOOD, tools=[look, look]), "tools: 'look' is listed twice"),
        (
            replace(GOOD, tools=[look, replace(look, version="2")]),
            "tools: two tools are named 'look' (tests",
        ),
        (replace(GOOD, tools=[taken]), "tools: 'wait' is the name of a built-in tool"),
        (replace(GOOD, tools=[falling]), "the fallback 'nowhere' of 'falling' is not a tool"),
        (
            replace(GOOD, limits=Limits(max_steps=0)),
            "limits.max_steps: it must be at least 1, not 0",
        ),
        (
            replace(GOOD, limits=Limits(max_depth=-1)),
            "limits.max_depth: it must be at least 0, not -1",
        ),
        (replace(GOOD, limits=Limits(max_calls_of={"x": 1})), "max_calls_of.x: the agent has no"),
        (replace(GOOD, judging=Judging(sample=1.5)), "judging.sample: 1.5 is not between 0 and 1"),
        (replace(GOOD, step_timeout=timedelta(0)), "step_timeout: it must be positive"),
        (replace(GOOD, stuck_after=timedelta(0)), "stuck_after: it must be positive"),
        (replace(GOOD, stuck_after=timedelta(days=31)), "stuck_after: it must be positive, and at"),
        (replace(GOOD, max_cost_micro_per_call=-1), "max_cost: it must not be negative"),
        (replace(GOOD, fallback="good"), "fallback: an agent cannot be its own fallback"),
        (replace(GOOD, engages=["dance"]), "engages.0: 'dance' is not one of ask_person"),
        (replace(GOOD, engages=["delegate"]), "engages.0: 'delegate' needs the names of agents"),
        (replace(GOOD, routes=[Route(when="1 +", agent="x")]), "routes.0.when: "),
        (
            replace(GOOD, routes=[Route(when="job.x", agent="x")]),
            "routes.0.when: there is no 'job'",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_member(wrong: Agent, said: str):
    with pytest.raises(Misdeclared) as refused:
        loaded(wrong)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_router_needs_no_model_and_a_planner_neither():
    loaded(Agent(name="router", routes=[Route(when="text == 'x'", agent="other")]))
    loaded(Agent(name="planner", plan=answer))


def test_what_is_no_tool_is_refused():
    undecorated: Tool = answer  # type: ignore[assignment]  # the mistake that is tested
    with pytest.raises(
        Misdeclared, match=r"'answer' \(tests/.*:\d+\) is not a tool: decorate it with @tool"
    ):
        loaded(replace(GOOD, tools=[undecorated]))
