"""Agents whose tool acts and then loses its reply, each with another policy for a stuck turn."""

from datetime import timedelta
from pathlib import Path

from agent_workers import Agent, Answer, Effect, OnStuckTurn, Plan, Situation, Use, tool

SECOND = timedelta(seconds=1)


@tool(effect=Effect.UNSAFE, timeout=SECOND)
def write_and_lose(book: str) -> str:
    """Write a line that nobody could take back, and never hear whether it is there."""
    with Path(book).open("a") as file:
        file.write("written\n")
    raise ConnectionError("the reply was lost")


def _plan(situation: Situation) -> Plan | Answer:
    book = situation.input.get("book")
    return Plan([Use("write_and_lose", {"book": book})]) if book else Answer("nothing to write")


def _evaluate(situation: Situation) -> Answer:
    said = [message.text for message in situation.session.messages]
    return Answer("written" if situation.results else said)


def _agent(name: str, policy: OnStuckTurn) -> Agent:
    return Agent(
        name=name,
        tools=[write_and_lose],
        plan=_plan,
        evaluate=_evaluate,
        on_stuck_turn=policy,
        stuck_after=SECOND,
    )


skipping = _agent("skipping", OnStuckTurn.SKIP)
failing = _agent("failing", OnStuckTurn.FAIL)
