"""Agents whose tools call a world outside that fails, with fallbacks and without."""

import json
import os
import urllib.request
from datetime import timedelta

from agent_workers import Agent, Answer, Call, Effect, GiveUp, Plan, Situation, ToolError, Use, tool

_PATIENCE = timedelta(seconds=20)


def _post(url: str, key: str) -> str:
    body = json.dumps({"pid": os.getpid(), "key": key}).encode()
    request = urllib.request.Request(url, body)
    with urllib.request.urlopen(request, timeout=20) as reply:
        path: str = json.load(reply)["path"]
    return path


@tool(effect=Effect.PURE, timeout=_PATIENCE)
def look(url: str, *, call: Call) -> str:
    """Read something outside."""
    return _post(f"{url}/look", call.key)


@tool(effect=Effect.KEYED, key_ttl=timedelta(hours=1), timeout=_PATIENCE)
def pay(url: str, *, call: Call) -> str:
    """Pay outside, once for each key."""
    return _post(f"{url}/pay", call.key)


@tool(effect=Effect.PURE, fallback="look_elsewhere", max_tries=2)
def look_first(url: str, *, call: Call) -> str:
    """Read something, or let another be asked."""
    return _post(f"{url}/look", call.key)


@tool(effect=Effect.PURE)
def look_elsewhere(url: str, *, call: Call) -> str:
    """Read it from another place."""
    return _post(f"{url}/other/look", call.key)


@tool(effect=Effect.KEYED, key_ttl=timedelta(hours=1), fallback="pay_elsewhere", timeout=_PATIENCE)
def pay_first(url: str) -> str:
    """Refuse for good, and certainly do nothing."""
    raise ToolError(f"{url} takes no money today")


@tool(effect=Effect.KEYED, key_ttl=timedelta(hours=1), timeout=_PATIENCE)
def pay_elsewhere(url: str, *, call: Call) -> str:
    """Pay by another provider, once for each key."""
    return _post(f"{url}/other/pay", call.key)


@tool(effect=Effect.PURE, fallback="other_words")
def first_words(url: str) -> str:
    """Fail for good."""
    raise ToolError(f"nothing at {url}")


@tool(effect=Effect.PURE)
def other_words(place: str) -> str:
    """Take other arguments than the tool that it is the fallback of."""
    return place


def _plan(situation: Situation) -> Plan:
    url = situation.input["url"]
    return Plan([Use(name, {"url": url}) for name in situation.input["tools"]])


def _evaluate(situation: Situation) -> Answer:
    return Answer(
        [{"tool": past.tool, "type": past.type, "value": past.value} for past in situation.results]
    )


TOOLS = [
    look,
    pay,
    look_first,
    look_elsewhere,
    pay_first,
    pay_elsewhere,
    first_words,
    other_words,
]
calling = Agent(name="calling", tools=TOOLS, plan=_plan, evaluate=_evaluate)
doomed = Agent(
    name="doomed", plan=lambda _: GiveUp("it is beyond me"), fallback="calling", team=["calling"]
)
hopeless = Agent(name="hopeless", plan=lambda _: GiveUp("it is beyond me"), fallback="doomed_too")
doomed_too = Agent(name="doomed_too", plan=lambda _: GiveUp("beyond me as well"))
