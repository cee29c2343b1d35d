"""The same agent after a deploy: its tool, and with it its look-up, needs one argument more."""

from datetime import timedelta

from agent_workers import Absent, Agent, Answer, Effect, Plan, Use, tool


def look_up(order: str, currency: str) -> Absent:
    raise AssertionError(order + currency)


@tool(
    effect=Effect.RECONCILABLE,
    timeout=timedelta(milliseconds=200),
    settle=timedelta(milliseconds=50),
    max_tries=2,
    look_up=look_up,
)
def deposit(order: str, currency: str) -> str:
    """Deposit in a currency."""
    raise AssertionError(order + currency)


told = Agent(
    name="told",
    tools=[deposit],
    plan=lambda s: Plan([Use("deposit", {"order": s.input, "currency": "EUR"})]),
    evaluate=lambda s: Answer([past.value for past in s.results]),
)
