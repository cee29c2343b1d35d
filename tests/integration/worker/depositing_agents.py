"""An agent whose tool deposits, loses the reply, and can be asked what became of it."""

from datetime import timedelta

from agent_workers import Absent, Agent, Answer, Effect, Found, Plan, Use, tool

DEPOSITED: list[str] = []


def look_up(order: str) -> Found[str] | Absent:
    return Found("deposited") if order in DEPOSITED else Absent()


@tool(
    effect=Effect.RECONCILABLE,
    timeout=timedelta(milliseconds=200),
    settle=timedelta(milliseconds=50),
    max_tries=2,
    look_up=look_up,
)
def deposit(order: str) -> str:
    """Deposit, and lose the reply."""
    DEPOSITED.append(order)
    raise TimeoutError("the reply was lost")


told = Agent(
    name="told",
    tools=[deposit],
    plan=lambda s: Plan([Use("deposit", {"order": s.input})]),
    evaluate=lambda s: Answer([past.value for past in s.results]),
)
