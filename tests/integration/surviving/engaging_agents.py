"""Agents that start each other, send each other events, ask people, and go round many times."""

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
    GiveUp,
    Limits,
    Plan,
    Route,
    Situation,
    Use,
    ask_person,
    delegate,
    hand_off,
    send_event,
    tool,
    wait,
    wait_for_event,
)

_MANY = Limits(max_parallel=300, max_steps=100_000, max_rounds=100_000)


def _look_up(book: str, number: int, *, call: Call) -> Found[int] | Absent:
    written = Path(book).read_text() if Path(book).exists() else ""
    return Found(number) if f"{call.key} {number}\n" in written else Absent()


@tool(
    effect=Effect.RECONCILABLE,
    timeout=timedelta(seconds=1),
    settle=timedelta(milliseconds=100),
    look_up=_look_up,
)
def mark(book: str, number: int, *, call: Call) -> int:
    """Write a line outside, which can be looked up afterwards."""
    with os.fdopen(os.open(book, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "wb") as file:
        file.write(f"{call.key} {number}\n".encode())
    return number


@tool(effect=Effect.PURE)
def count(number: int) -> int:
    """Give the next number."""
    return number + 1


@tool(effect=Effect.PURE)
def rest(seconds: float) -> float:
    """Take a while."""
    time.sleep(seconds)
    return seconds


def _fan_out(situation: Situation) -> Plan:
    asked = situation.input
    return Plan(
        [
            delegate(asked["of"], input={**asked, "number": number}, **asked.get("with", {}))
            for number in range(asked["children"])
        ]
    )


def _do(situation: Situation) -> Plan:
    asked = situation.input
    if "seconds" in asked:
        return Plan([Use("rest", {"seconds": asked["seconds"]})])
    if "book" in asked:
        return Plan([Use("mark", {"book": asked["book"], "number": asked["number"]})])
    return Plan([Use("count", {"number": asked["number"]})])


def _next_number(situation: Situation) -> Plan:
    return Plan([Use("count", {"number": situation.round})])


def _until_enough(situation: Situation) -> Answer | Continue:
    number = situation.results[0].value
    return Answer(number) if number >= situation.input["rounds"] else Continue()


def _give_all(situation: Situation) -> Answer:
    return Answer([past.value for past in situation.results])


def _ask(_: Situation) -> Plan:
    return Plan([ask_person("Go on?", choices=["yes", "no"])])


def _listen(situation: Situation) -> Plan:
    timeout = timedelta(seconds=situation.input.get("patience", 3_600))
    return Plan([wait_for_event("news", timeout=timeout)])


def _tell(situation: Situation) -> Plan:
    return Plan([send_event(situation.input["job_id"], "news", {"from": situation.job_id.hex})])


def _sleep(situation: Situation) -> Plan:
    return Plan([wait(timedelta(seconds=situation.input["seconds"]))])


def _hand_on(situation: Situation) -> Plan:
    return Plan([hand_off(situation.input["to"], input={"number": 41})])


def _refuse(_: Situation) -> GiveUp:
    return GiveUp("I do not want to")


leaf = Agent(name="leaf", tools=[mark, count, rest], plan=_do)
fan = Agent(name="fan", plan=_fan_out, limits=_MANY)
telling_fan = Agent(name="telling-fan", plan=_fan_out, evaluate=_give_all, limits=_MANY)
looper = Agent(
    name="looper", tools=[count], plan=_next_number, evaluate=_until_enough, limits=_MANY
)
asker = Agent(name="asker", plan=_ask, evaluate=_give_all)
listener = Agent(name="listener", plan=_listen, evaluate=_give_all)
teller = Agent(name="teller", plan=_tell, evaluate=_give_all)
sleeper = Agent(name="sleeper", plan=_sleep, evaluate=_give_all)
handing = Agent(name="handing", plan=_hand_on)
unwilling = Agent(name="unwilling", plan=_refuse)
router = Agent(
    name="router",
    team=["unwilling"],
    routes=[
        Route(when="input.kind == 'sum'", agent="leaf"),
        Route(when="text.contains('ask')", agent="asker"),
    ],
)
