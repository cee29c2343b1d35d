"""An agent whose tools have an old answer or a person left when they have failed for good."""

from datetime import timedelta

from agent_workers import (
    Agent,
    Answer,
    Call,
    Effect,
    Limits,
    Plan,
    Situation,
    ToolError,
    Use,
    tool,
)
from tests.integration.recovery.agents import _post

_LONG = timedelta(hours=1)


@tool(effect=Effect.PURE, stale_for=_LONG, max_tries=2)
def look_lately(url: str) -> str:
    """Read something outside, or say what it was lately."""
    return _post(f"{url}/look", "any job's")


@tool(effect=Effect.PURE, stale_for=_LONG, max_tries=1, fallback="look_twice")
def look_once(url: str) -> str:
    """Read something outside, or let another be asked."""
    return _post(f"{url}/look", "any job's")


@tool(effect=Effect.PURE, max_tries=1)
def look_twice(url: str, *, call: Call) -> str:
    """Read it from the same place, which is as bad."""
    return _post(f"{url}/look", call.key)


@tool(effect=Effect.PURE, max_tries=1, ask_on_failure=True)
def look_and_ask(url: str, *, call: Call) -> str:
    """Read something outside, or ask a person."""
    return _post(f"{url}/look", call.key)


@tool(effect=Effect.KEYED, key_ttl=_LONG, ask_on_failure=True)
def pay_and_ask(url: str) -> str:
    """Refuse for good, and certainly do nothing."""
    raise ToolError(f"{url} takes no money today")


def _plan(situation: Situation) -> Plan:
    url = situation.input["url"]
    return Plan([Use(name, {"url": url}) for name in situation.input["tools"]])


def _evaluate(situation: Situation) -> Answer:
    return Answer(
        [{"tool": past.tool, "type": past.type, "value": past.value} for past in situation.results]
    )


TOOLS = [look_lately, look_once, look_twice, look_and_ask, pay_and_ask]
telling = Agent(
    name="calling", tools=TOOLS, plan=_plan, evaluate=_evaluate, limits=Limits(max_steps=200)
)
plain = Agent(name="plain", tools=TOOLS, plan=_plan)
