"""An agent whose tool charges, loses the reply, and is refused when it asks again."""

from datetime import timedelta

from agent_workers import (
    Agent,
    Answer,
    Call,
    Effect,
    Escalate,
    Plan,
    Replan,
    Retry,
    Situation,
    ToolError,
    Use,
    tool,
)

# Every key under which money was taken, each once, as at a provider that honours keys.
CHARGED: dict[str, set[str]] = {}


@tool(effect=Effect.KEYED, key_ttl=timedelta(hours=1), fallback="charge_elsewhere")
def charge(order: str, *, call: Call) -> str:
    """Charge, and lose the reply; refuse the next attempt as a host that knows no such order."""
    CHARGED.setdefault(order, set()).add(call.key)
    if call.attempt == 1:
        raise TimeoutError("the reply was lost")
    if call.attempt == 2:
        raise ToolError("404: no such order")
    return "charged"


@tool(effect=Effect.KEYED, key_ttl=timedelta(hours=1))
def charge_elsewhere(order: str, *, call: Call) -> str:
    """Charge by another provider."""
    CHARGED.setdefault(order, set()).add(call.key)
    return "charged elsewhere"


_VERDICTS: dict[str, Retry | Replan | Escalate] = {
    "retry": Retry(reason="once more"),
    "replan": Replan("another way"),
    "escalate": Escalate("a better model"),
}


def _plan(situation: Situation) -> Plan:
    return Plan([Use("charge", {"order": situation.input["order"]})])


def _evaluate(situation: Situation) -> Answer | Retry | Replan | Escalate:
    if any(past.type == "tool_failed" for past in situation.results):
        return _VERDICTS[situation.input["verdict"]]
    return Answer("done")


charging = Agent(name="charging", tools=[charge, charge_elsewhere], plan=_plan, evaluate=_evaluate)
