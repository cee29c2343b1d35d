"""The agents that are measured: they do nothing, or nap, so that what is left is the system."""

import time
from datetime import timedelta

from agent_workers import (
    Absent,
    Agent,
    Answer,
    Call,
    Continue,
    Effect,
    Plan,
    Situation,
    Use,
    tool,
)
from agent_workers.domain.job import Limits

_DONE = Answer("ok")
_AGAIN = Continue()


@tool(effect=Effect.PURE)
def noop() -> None:
    """Do nothing."""


@tool(effect=Effect.PURE)
def nap(seconds: float) -> None:
    """Block for a while, as a call to a model does."""
    time.sleep(seconds)


@tool(effect=Effect.PURE, timeout=timedelta(seconds=60))
def stall(seconds: float) -> None:
    """Block until the worker is killed; the next attempt does, too, but is not waited for."""
    time.sleep(seconds)


def _not_there(seconds: float) -> Absent:
    """Look whether the effect is there: of one whose worker was killed, nothing is."""
    del seconds
    return Absent()


@tool(
    effect=Effect.RECONCILABLE,
    look_up=_not_there,
    timeout=timedelta(seconds=4),
    settle=timedelta(milliseconds=200),
)
def stall_outside(seconds: float, *, call: Call) -> None:
    """Block under a permit until the worker is killed; the next attempt leaves its worker free."""
    if call.attempt == 1:
        time.sleep(seconds)


def _nap_then_plan(situation: Situation) -> Plan:
    seconds = float(situation.input["seconds"])
    time.sleep(seconds)
    return Plan([Use("nap", {"seconds": seconds})])


def _nap_then_accept(situation: Situation) -> Answer:
    time.sleep(float(situation.input["seconds"]))
    return _DONE


def _until_enough(situation: Situation) -> Answer | Continue:
    return _DONE if situation.round + 1 >= int(situation.input["rounds"]) else _AGAIN


_NOOP = Plan([Use("noop")])

noop_agent = Agent(name="bench_noop", tools=[noop], plan=lambda _: _NOOP, evaluate=lambda _: _DONE)
answering_agent = Agent(name="bench_answer", plan=lambda _: _DONE, evaluate=lambda _: _DONE)
napping_agent = Agent(name="bench_nap", tools=[nap], plan=_nap_then_plan, evaluate=_nap_then_accept)
long_agent = Agent(
    name="bench_long",
    tools=[noop],
    plan=lambda _: _NOOP,
    evaluate=_until_enough,
    limits=Limits(max_rounds=100_000),
)
stalling_agent = Agent(
    name="bench_stall",
    tools=[stall],
    plan=lambda s: Plan([Use("stall", {"seconds": s.input["seconds"]})]),
    evaluate=lambda _: _DONE,
)
acting_agent = Agent(
    name="bench_act",
    tools=[stall_outside],
    plan=lambda s: Plan([Use("stall_outside", {"seconds": s.input["seconds"]})]),
    evaluate=lambda _: _DONE,
)
