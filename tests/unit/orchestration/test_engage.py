"""Engaging steps, decided: begin to wait, go on with what has come, or say what is wrong."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from agent_workers.domain.agents.agent import Use
from agent_workers.domain.agents.engine_tools import (
    ask_person,
    delegate,
    hand_off,
    wait,
    wait_for_event,
)
from agent_workers.domain.claim import Claimed, Onward, Recorded, RecordResult
from agent_workers.domain.decision import Park
from agent_workers.domain.step import Lane, StepKind, ToolFailed, ToolRan
from agent_workers.domain.text.encoding import canonical
from agent_workers.domain.wait import Child, Waited, WaitKind
from agent_workers.orchestration.carrying import ANYTHING
from agent_workers.orchestration.engine_tools.decide import child_of, engage, still_holding
from agent_workers.orchestration.engine_tools.run import elsewhere
from tests.unit.orchestration.agents import AGENT, JOB, claimed

A_YEAR = timedelta(days=365)


def step(use: Use, **given: object) -> Claimed:
    asked = claimed(StepKind.TOOL, tool=use.tool)
    return replace(asked, arguments=canonical(use.arguments), **given)  # type: ignore[arg-type]


def waited(
    kind: WaitKind, answer: bytes | None = None, *, over: bool = False, held: int = 0
) -> Waited:
    return Waited(kind=kind, key="", answer=answer, timed_out=over, held_micro=held)


def parked(use: Use, **given: object) -> Park:
    found = engage(step(use, **given), None, AGENT)
    assert isinstance(found, Park)
    return found


def child(use: Use, **given: object) -> Child:
    found = parked(use, **given).wait.child
    assert found is not None
    return found


def failed(found: object) -> str:
    assert isinstance(found, ToolFailed), found
    return found.code


def test_a_child_has_the_same_id_however_often_its_step_is_done() -> None:
    use = delegate("worker", input="x")
    assert child(use).job_id == child(use).job_id == child_of(JOB, 1)
    assert child(use, position=2).job_id != child_of(JOB, 1)


def test_a_child_gets_what_was_said_and_leaves_its_parent_enough_to_judge() -> None:
    started = child(delegate("worker", input={"n": 1}, max_cost_usd=0.25, timeout=A_YEAR))
    assert (started.max_cost_micro, started.reserve_micro) == (250_000, 11)
    assert json.loads(started.input) == {"n": 1}
    assert child(hand_off("boss", input="x")).max_cost_micro is None


def test_jobs_start_jobs_only_so_deep() -> None:
    use = delegate("worker", input="x")
    assert failed(engage(step(use, depth=3), None, AGENT)) == "too_deep"
    child(use, depth=2)


def test_an_agent_with_a_team_turns_to_nobody_else_but_who_steps_in_for_it() -> None:
    team = replace(AGENT, team=("worker",), fallback="boss")
    for agent in ("worker", "boss"):
        assert isinstance(engage(step(hand_off(agent, input="x")), None, team), Park)
    assert failed(engage(step(hand_off("stranger", input="x")), None, team)) == "not_in_team"


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (b'"failed","error":{"code":"c","message":"m"}', "child_failed"),
        (b'"canceled"', "child_canceled"),
    ],
)
def test_a_child_without_an_answer_is_data_with_what_it_cost(ended: bytes, code: str) -> None:
    told = b'{"spent_micro":7,"tokens":[1,2,3],"status":' + ended + b"}"
    found = engage(step(delegate("worker", input="x")), waited(WaitKind.CHILD, told), AGENT)
    assert failed(found) == code
    assert isinstance(found, ToolFailed)
    assert (found.usage.cost_micro, found.usage.output) == (7, 3)


def test_a_child_that_could_not_be_started_is_data() -> None:
    told = b'{"status":"refused","error":{"code":"budget","message":"m"}}'
    found = engage(step(delegate("worker", input="x")), waited(WaitKind.CHILD, told), AGENT)
    assert failed(found) == "budget"


def test_the_answer_of_a_child_comes_with_its_cost_and_what_was_less_about_it() -> None:
    told = (
        b'{"status":"succeeded","spent_micro":7,"tokens":[1,2,3],"degraded":["a","b"],"output":[1]}'
    )
    found = engage(step(delegate("worker", input="x")), waited(WaitKind.CHILD, told), AGENT)
    assert isinstance(found, ToolRan)
    assert (found.result, found.usage.cost_micro, found.degraded) == (b"[1]", 7, "worker: a; b")


@pytest.mark.parametrize(
    "use", [wait_for_event("go"), ask_person("Sure?")], ids=["event", "person"]
)
def test_what_does_not_come_in_time_is_data(use: Use) -> None:
    kind = WaitKind.EVENT if use.tool == "wait_for_event" else WaitKind.PERSON
    assert failed(engage(step(use), waited(kind, over=True), AGENT)) == "timed_out"
    assert isinstance(engage(step(use), waited(kind), AGENT), Park)
    # Even at the last moment an answer is an answer.
    assert isinstance(engage(step(use), waited(kind, b"1", over=True), AGENT), ToolRan)


def test_no_two_questions_of_a_job_have_the_same_key() -> None:
    keys = {parked(ask_person("Sure?"), call_id="a", position=n).wait.key for n in (1, 4)}
    assert keys == {"question_1", "question_4"}


def test_time_passes_up_to_years() -> None:
    assert parked(wait(A_YEAR * 9)).wait.timeout == A_YEAR * 9
    found = engage(step(wait(A_YEAR)), waited(WaitKind.TIMER, over=True), AGENT)
    assert isinstance(found, ToolRan)


def test_bad_arguments_are_said_and_nothing_waits() -> None:
    found = engage(step(Use("wait", {"seconds": "soon"})), None, AGENT)
    assert isinstance(found, ToolFailed)
    assert (found.code, found.message) == (
        "bad_arguments",
        "wait: seconds: must be a number of seconds from 0 to 315619200",
    )


def test_what_a_wait_has_held_is_given_back_by_the_record() -> None:
    claim = step(delegate("worker", input="x"))
    assert still_holding(claim, None) is claim
    assert still_holding(claim, waited(WaitKind.CHILD, held=5)).hold_micro == 5


def test_only_lanes_that_a_worker_does_not_look_into_are_rung() -> None:
    park = parked(delegate("worker", input="x"))
    begun = Recorded(result=RecordResult.RECORDED, status="waiting")
    (ring,) = elsewhere(step(wait(A_YEAR)), park, begun, Onward(lanes=(Lane.TOOL,)))
    assert (ring.job_id, ring.position, ring.lane) == (child_of(JOB, 1), 0, Lane.PLAN)
    assert elsewhere(step(wait(A_YEAR)), park, begun, Onward(lanes=(Lane.PLAN,))) == ()

    ended = Recorded(result=RecordResult.RECORDED, status="succeeded")
    timer = parked(wait(A_YEAR))
    below = step(wait(A_YEAR), depth=1)
    (ring,) = elsewhere(below, timer, ended, Onward(lanes=(Lane.EVALUATE,)))
    assert (ring.position, ring.lane) == (ANYTHING, Lane.TOOL)
    assert elsewhere(below, timer, ended, Onward(lanes=(Lane.TOOL,))) == ()
    assert elsewhere(step(wait(A_YEAR)), timer, ended, Onward()) == ()
