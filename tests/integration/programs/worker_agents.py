"""Agents for tests with real workers: they nap for many rounds, or leave one mark outside."""

import logging
import os
import time
from datetime import timedelta
from pathlib import Path

from agent_workers import (
    Absent,
    Agent,
    Answer,
    Call,
    Continue,
    Effect,
    Found,
    Limits,
    Plan,
    Situation,
    Use,
    tool,
)

log = logging.getLogger("bed")


@tool(effect=Effect.PURE)
def nap(seconds: float) -> str:
    """Block for a while, as a call to a model does."""
    log.info("lies_down")
    time.sleep(seconds)
    return "rested"


@tool(effect=Effect.UNSAFE, timeout=timedelta(seconds=5))
def write_down(book: str, *, call: Call) -> str:
    """Write a line that nobody could take back."""
    _append(Path(book), f"unsafe {call.key} {os.getpid()}")
    return "written"


def _look_up(book: str, *, call: Call) -> Found[str] | Absent:
    written = Path(book).read_text() if Path(book).exists() else ""
    return Found("deposited") if f"reconcilable {call.key}" in written else Absent()


@tool(effect=Effect.RECONCILABLE, timeout=timedelta(seconds=5), look_up=_look_up)
def deposit(book: str, *, call: Call) -> str:
    """Write a line that can be looked up afterwards."""
    _append(Path(book), f"reconcilable {call.key} {os.getpid()}")
    return "deposited"


def _append(book: Path, line: str) -> None:
    with book.open("a") as file:
        file.write(line + "\n")


def _until_enough(situation: Situation) -> Answer | Continue:
    enough = situation.round + 1 >= int(situation.input["rounds"])
    return Answer({"rounds": situation.round + 1}) if enough else Continue()


napping = Agent(
    name="napping",
    tools=[nap],
    plan=lambda s: Plan([Use("nap", {"seconds": s.input["seconds"]})]),
    evaluate=_until_enough,
    limits=Limits(max_rounds=1_000),
)
answering = Agent(name="answering", plan=lambda s: Answer(s.input))
writing = Agent(
    name="writing",
    tools=[write_down, deposit],
    plan=lambda s: Plan([Use(name, {"book": s.input["book"]}) for name in s.input["tools"]]),
    evaluate=lambda _: Answer("done"),
)


def _in_waves(situation: Situation) -> Plan:
    book = {"book": situation.input["book"]}
    return Plan(
        [
            Use("deposit", book, id="early"),
            Use("write_down", book, id="noted"),
            Use(
                "nap", {"seconds": situation.input["seconds"]}, id="pause", after=["early", "noted"]
            ),
            Use("deposit", book, id="meanwhile", after=["early"]),
            Use("deposit", book, id="late", after=["pause", "meanwhile"]),
            Use("write_down", book, id="closed", after=["late"]),
        ]
    )


waving = Agent(
    name="waving",
    tools=[nap, write_down, deposit],
    plan=_in_waves,
    evaluate=lambda s: Answer([past.call_id for past in s.results]),
)
