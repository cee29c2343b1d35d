"""Agents that charge at the outside counter, and whose evaluator wants more when a charge failed."""

from collections.abc import Iterator
from datetime import timedelta

from agent_workers import (
    Agent,
    Answer,
    Call,
    Effect,
    Escalate,
    GiveUp,
    Plan,
    Replan,
    Retry,
    Situation,
    Use,
    tool,
)
from agent_workers.domain.tools.tool import Tool
from agent_workers.testing import counting

# What the counter does with one request after the other, by the class of the tool.
SCRIPTS = {
    Effect.KEYED: ("lose conflict", "lose conflict conflict", "refuse", "cancels"),
    Effect.UNSAFE: ("lose", "refuse", "cancels"),
}
VERDICTS: dict[str, Retry | Replan | Escalate | GiveUp] = {
    "retry": Retry(reason="once more"),
    "replan": Replan("another way"),
    "escalate": Escalate("a better model"),
    # Another tool stands in, where that is allowed; nobody asks for more.
    "fallback": GiveUp("it failed"),
}
# Long enough for a busy machine: a timed tool that is over its time ends its process.
_TIMEOUT = timedelta(milliseconds=700)
_PATIENCE_S = 0.4


def name_of(effect: Effect, script: str, verdict: str) -> str:
    """A tool for each script, so that one breaker does not stand in the way of the others."""
    falls_back = "_or" if verdict == "fallback" else ""
    return f"{effect.value}_{script.replace(' ', '_')}{falls_back}"


def _tools() -> Iterator[Tool]:
    for effect, scripts in SCRIPTS.items():
        yield _charging(f"{effect.value}_elsewhere", effect)
        for script in scripts:
            yield _charging(name_of(effect, script, ""), effect)
            name = name_of(effect, script, "fallback")
            yield _charging(name, effect, fallback=f"{effect.value}_elsewhere")


def _charging(name: str, effect: Effect, *, fallback: str | None = None) -> Tool:
    keyed = effect is Effect.KEYED
    declare = tool(
        name=name,
        effect=effect,
        timeout=_TIMEOUT,
        settle=timedelta(milliseconds=50),
        key_ttl=timedelta(hours=1) if keyed else None,
        max_tries=2,
        fallback=fallback,
    )

    def charge(counter: str, order: str, *, call: Call) -> str:
        """Charge an order."""
        wish = counting.Wish(subject=order, key=call.key, note="", keyed=keyed)
        return counting.act(counter, wish, timeout_s=_PATIENCE_S)

    return declare(charge)


def _plan(situation: Situation) -> Plan:
    asked = situation.input
    arguments = {"counter": asked["counter"], "order": asked["order"]}
    return Plan([Use(asked["tool"], arguments)])


def _evaluate(situation: Situation) -> Answer | Retry | Replan | Escalate | GiveUp:
    if any(past.type == "tool_failed" for past in situation.results):
        return VERDICTS[situation.input["verdict"]]
    return Answer("charged")


counted_charges = Agent(
    name="counted_charges", tools=list(_tools()), plan=_plan, evaluate=_evaluate
)
