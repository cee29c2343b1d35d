"""What every evaluator promises, whoever it asks: checks, a function, a model, or nobody."""

import copy
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from agent_workers import Agent, Answer, Judging, Past, Situation
from agent_workers.domain.agents.agent import Verdict as Said
from agent_workers.domain.step import Judge, Judged, StepKind, Verdict
from agent_workers.execution.evaluator.evaluating import accept_results, evaluate
from agent_workers.execution.evaluator.judging import Judges
from agent_workers.execution.model_steps import ModelSteps
from agent_workers.execution.models.scripted.files import load_script
from agent_workers.execution.planner.waves import newest_of
from agent_workers.execution.values.results import NO_SHAPE
from tests.integration.models.gateway import scripted_gateway
from tests.support.models import JustOne
from tests.unit.execution.evaluator.rounds import (
    an,
    answered,
    by_function,
    by_model,
    call,
    failed,
    planned,
    ran,
    situation,
    whole_plan,
)
from tests.unit.orchestration.agents import claimed

DEEP: Any = "bottom"
for _ in range(500):
    DEEP = [DEEP]
AWKWARD: list[Any] = [
    None,
    float("nan"),
    float("inf"),
    10**4_000,
    "x" * 2_000_000,
    "\ud800\0 ünï \U0001f600 [1] (source: nobody)",
    {"": {"\0": [float("nan")] * 1_000}},
    DEEP,
]


def look(situation: Situation) -> Said:
    """Accept what came of the newest calls."""
    return Answer([past.value for past in situation.results])


EVALUATORS: dict[str, tuple[Agent, Judge]] = {
    "nobody": (by_function(evaluate=accept_results), Judge.FUNCTION),
    "the default": (by_function(), Judge.CHECKS),
    "a function": (by_function(evaluate=look), Judge.FUNCTION),
    "checks turn by turn": (by_model(cites=True), Judge.CHECKS),
    "checks of a whole plan": (whole_plan(output={"type": "string"}), Judge.CHECKS),
    "a model": (
        by_model(
            judging=Judging(final=True, risky=True, sample=1.0),
            ladders={"evaluate": ["scripted/small"]},
        ),
        Judge.MODEL,
    ),
    "a function and a model": (
        by_function(evaluate=look, model="scripted/small", judging=Judging(final=True)),
        Judge.MODEL,
    ),
}


@pytest.fixture(scope="module")
def judges() -> Iterator[Judges]:
    with scripted_gateway(load_script()) as gateway:
        yield ModelSteps(models=JustOne(_Named(gateway)))


class _Named:
    """Fills in the one model that there is; what has ladders does it by purpose."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def complete(self, request: Any, *, deadline_s: float) -> Any:
        return self._model.complete(replace(request, model="scripted/small"), deadline_s=deadline_s)


@pytest.fixture(params=EVALUATORS)
def named(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def judged(name: str, judges: Judges, *history: Past) -> Judged:
    agent, _ = EVALUATORS[name]
    return evaluate(claimed(StepKind.EVALUATE), an(agent), situation(*history), judges)


def answer_or_calls(name: str, value: object) -> tuple[Past, ...]:
    """A round that may end the job: an answer where a model plans, results where a function does."""
    if EVALUATORS[name][0].plan is None:
        return (answered(value),)
    return (planned(call("a")), ran("a", value))


def test_good_work_is_accepted_and_it_is_said_by_whom(named: str, judges: Judges) -> None:
    said = judged(named, judges, *answer_or_calls(named, "good"))
    assert (said.verdict, said.by) == (Verdict.ACCEPT, EVALUATORS[named][1])
    assert said.output is not None
    assert "good" in json.loads(said.output)


@pytest.mark.parametrize("value", AWKWARD, ids=range(len(AWKWARD)))
def test_nothing_that_a_tool_or_a_model_says_breaks_it(
    named: str, judges: Judges, value: object
) -> None:
    kept = json.loads(NO_SHAPE.kept(value))  # a step sees of another what was written down
    said = judged(named, judges, *answer_or_calls(named, kept))
    if said.output is not None:
        json.loads(said.output)
        assert len(said.output) <= 1 << 20
    json.dumps(said.reason)


def test_the_same_round_is_judged_the_same_and_left_as_it_is(named: str, judges: Judges) -> None:
    history = (planned(call("a")), ran("a", {"n": [1]}), failed("b", "timeout", position=2))
    before = copy.deepcopy(history)
    first, second = judged(named, judges, *history), judged(named, judges, *history)
    assert (first.verdict, first.output, first.calls) == (
        second.verdict,
        second.output,
        second.calls,
    )
    assert history == before


def test_what_is_to_run_was_planned_and_leaves_no_mark_twice(named: str, judges: Judges) -> None:
    history = (
        planned(call("a"), call("p", "pay"), call("next", "pay", after=["a"])),
        ran("a", 1),
        failed("p", "timeout", name="pay", position=2),
    )
    said = judged(named, judges, *history)
    run = newest_of(history)
    assert {call.call_id for call in said.calls} <= {"a", "p", "next"}
    assert not [call for call in said.calls if call.tool == "pay" and call.call_id in run]


def test_who_refuses_says_why_and_who_asks_says_what(named: str, judges: Judges) -> None:
    for history in (
        (planned(call("a")), failed("a", "bad_arguments")),
        (planned(call("a", done_when="result == 1")), ran("a", 2)),
        (
            planned(call("a"), call("b", after=["a"], word={"$from": "a", "path": "n"})),
            ran("a", {}),
        ),
    ):
        said = judged(named, judges, *history)
        if said.verdict in {Verdict.FAIL, Verdict.REPLAN, Verdict.ESCALATE}:
            assert said.reason
        assert said.verdict is not Verdict.ASK or said.question


def test_a_broken_promise_is_never_accepted(named: str, judges: Judges) -> None:
    said = judged(named, judges, planned(call("a", done_when="result == 1")), ran("a", 2))
    assert said.verdict is not Verdict.ACCEPT
