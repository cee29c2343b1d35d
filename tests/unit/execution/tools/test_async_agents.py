"""Planners, evaluators and checks that are `async def`, whatever gives their coroutine."""

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

from agent_workers import Agent, Answer, Plan, Situation, Use, Workflow, choose
from agent_workers.domain.step import Broke, Judged, Planned, StepKind
from agent_workers.execution.agents.registry import loaded
from agent_workers.execution.evaluator.evaluating import checked
from agent_workers.execution.perform import Performer
from agent_workers.execution.tools.router import ToolRouter
from tests.unit.execution.evaluator.rounds import by_function, call, checked_by, planned, ran, work
from tests.unit.orchestration.agents import claimed


class Acts:
    """A planner that is an object."""

    async def __call__(self, _: Situation) -> Plan:
        return Plan([Use("look")])


async def answers(answer: str, _: object) -> Answer:
    return Answer(answer)


async def objects(_: object) -> str:
    return "too few"


async def agrees(_: object) -> None:
    return None


def performed(kind: StepKind, *, timeout_ms: int = 30_000, **parts: Any) -> object:
    bound = loaded(Agent(name="a", **{"plan": Acts(), **parts}))
    perform = Performer(find=lambda _: bound, router=ToolRouter(lambda _: bound))
    return perform(replace(claimed(kind), timeout_ms=timeout_ms), tuple)


def test_planners_evaluators_and_checks_are_awaited_whatever_they_are() -> None:
    made = performed(StepKind.PLAN)
    assert isinstance(made, Planned)
    assert made.calls[0].tool == "look"
    by_evaluator = performed(StepKind.EVALUATE, evaluate=partial(answers, "yes"), checks=[agrees])
    assert isinstance(by_evaluator, Judged)
    assert by_evaluator.output == b'"yes"'
    by_check = performed(StepKind.EVALUATE, checks=[partial(answers, "no")])
    assert isinstance(by_check, Judged)
    assert by_check.output == b'"no"'


def test_a_planner_that_is_over_its_time_is_cancelled() -> None:
    async def thinks(_: Situation) -> Plan:
        await asyncio.Event().wait()
        return Plan([])

    broke = performed(StepKind.PLAN, plan=thinks, timeout_ms=20)
    assert isinstance(broke, Broke)
    assert broke.code == "timeout"


def test_the_check_of_a_tool_is_awaited() -> None:
    agent = by_function(checked_by(objects))
    objection = checked(work(agent, planned(call("c1")), ran("c1", "x")))
    assert objection is not None
    assert objection.reason == "c1: too few"


def test_an_async_workflow_is_named_and_its_condition_is_a_plain_function() -> None:
    made = performed(StepKind.PLAN, plan=choose(Workflow(name="look_flow", plan=Acts())))
    assert isinstance(made, Planned)
    assert made.workflow == "look_flow"
    odd = Workflow(name="odd", plan=Acts(), when=objects)  # type: ignore[arg-type]  # that is the point
    broke = performed(StepKind.PLAN, plan=choose(odd))
    assert isinstance(broke, Broke)
    assert "when= of workflow 'odd' is async" in broke.message
