"""Names in an agent's list of tools that stand for what the engine does itself."""

import sys
from uuid import uuid4

from agent_workers import Agent, Effect, tool
from agent_workers.execution.agents.files import Written, read_agents
from agent_workers.execution.agents.registry import load
from agent_workers.execution.tools.builtins import builtin_tools


@tool(effect=Effect.PURE)
def look(at: str) -> str:
    """Look."""
    return at


def named(*tools: object, **declared: object) -> Agent:
    agent = Agent(name="a", model="m", tools=tools, **declared)  # type: ignore[arg-type]  # as users may
    module = type(sys)(f"agents_{uuid4().hex}")
    module.agent = agent  # type: ignore[attr-defined]  # a module of a user's
    sys.modules[module.__name__] = module
    [found] = load([module.__name__], beside=builtin_tools()).agents
    return found.declared


def test_an_agent_s_tools_may_name_what_the_engine_does_itself():
    agent = named("ask_person", look, "wait", engages=["wait"])
    assert (agent.tools, agent.engages) == ((look,), ("wait", "ask_person"))


def test_so_may_a_document():
    text = "name: a\nmodel: scripted/small\ntools: [ask_human, look]\nengages: [wait]\n"
    [written] = read_agents(text, load([], beside=[look]), file="a.yaml")
    assert isinstance(written, Written)
    declared = written.agent.declared
    assert (declared.bound_tools, declared.engages) == ((look,), ("wait", "ask_person"))


def test_a_tool_of_that_name_is_meant_where_there_is_one():
    @tool(effect=Effect.PURE, name="ask_human")
    def shout(at: str) -> str:
        """Shout."""
        return at

    [written] = read_agents(
        "name: a\nmodel: scripted/small\ntools: [ask_human]\n",
        load([], beside=[shout]),
        file="a.yaml",
    )
    assert isinstance(written, Written)
    assert (written.agent.declared.bound_tools, written.agent.declared.engages) == ((shout,), ())
