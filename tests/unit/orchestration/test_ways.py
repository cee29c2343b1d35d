"""What follows a tool that has failed for good: a tool, an old answer, a person, or nothing more."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from agent_workers.domain.agents.engine_calls import About, Question, read_call
from agent_workers.domain.agents.engine_tools import ASK_PERSON, GO_ON, LET_FAIL, TRY_AGAIN
from agent_workers.domain.claim import Claimed, Done
from agent_workers.domain.decision import Continue, Decision, Join, TryAgain
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.step import Broke, StepKind, ToolCall, ToolFailed, ToolRan
from agent_workers.domain.tools.remembered import Remembered
from agent_workers.orchestration.steps.fallbacks import NOTHING_LEFT, FindWays, Ways
from agent_workers.orchestration.steps.limits import before_calls
from agent_workers.orchestration.steps.recover import after_break, after_failed
from agent_workers.orchestration.traits import AgentTraits
from tests.unit.orchestration.agents import AGENT, claimed, traits

OLD = Remembered(tool="read", result=b"7", at=datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC))
STEP = replace(claimed(StepKind.TOOL, tool="read", tries=9), call_id="c1", position=4)
DOWN = ToolFailed(code="unavailable", message="503")


def agent(**declared: dict[str, Any]) -> AgentTraits:
    """An agent whose tools declare this beside what they are."""
    cls = {"pay": EffectClass.KEYED, "write": EffectClass.TRANSACTIONAL}
    tools = {
        name: replace(traits(name, cls.get(name, EffectClass.PURE)), **given)
        for name, given in declared.items()
    }
    return replace(AGENT, tools=tools)


class World:
    """What can be asked once a tool has failed; it counts the looks at it."""

    def __init__(self, *past: Done, old: Sequence[str] = (), takes: bool = True) -> None:
        self.looks = 0
        self._past, self._old, self._takes = past, old, takes

    def ways(
        self, declared: AgentTraits, step: Claimed = STEP, code: str = "x", *, certain: bool = True
    ) -> Ways:
        find = FindWays(
            takes=lambda _, __: self._takes, recalls=self._recall, history=self._history
        )
        return find(step, declared, code, certain=certain)

    def _recall(self, _: Claimed, tool: str) -> Remembered | None:
        self.looks += 1
        return replace(OLD, tool=tool) if tool in self._old else None

    def _history(self, _: Claimed) -> Sequence[Done]:
        self.looks += 1
        return self._past


def done(tool: str, type_: str, call_id: str = "c1", round_: int = 0, **outcome: Any) -> Done:
    return Done(
        position=2,
        round=round_,
        kind=StepKind.TOOL,
        tool=tool,
        call_id=call_id,
        type=type_,
        outcome=json.dumps(outcome).encode(),
    )


def failed_before(tool: str, fallback: str, code: str = "unavailable", call_id: str = "c1") -> Done:
    return done(tool, "tool_failed", call_id, code=code, message="", fallback=fallback)


def answered(about: str, round_: int = 0) -> Done:
    said = {"answer": TRY_AGAIN, "about": {"id": about, "tool": "read"}}
    return done(ASK_PERSON, "tool_ran", "", round_, **said)


ALL = agent(read={"fallback": "skim", "remembers": True, "asks": True}, skim={})


def test_the_ways_are_taken_in_order() -> None:
    ways = Ways(other_tool="skim", remembered=OLD, asks_about="read")
    named = ["skim", "cached", ASK_PERSON, "evaluation"]
    for name, left in zip(
        named,
        [
            ways,
            replace(ways, other_tool=""),
            replace(ways, other_tool="", remembered=None),
            NOTHING_LEFT,
        ],
        strict=True,
    ):
        assert _taken(after_failed(STEP, DOWN, ALL, left)) == name


def _taken(decision: Decision) -> str:
    match decision:
        case Continue(steps=(step,)):
            return step.tool
        case Join(outcome=ToolRan()):
            return "cached"
        case Join():
            return "evaluation"
        case _:
            raise AssertionError(decision)


def test_an_old_answer_is_the_result_and_says_that_it_is_old() -> None:
    broke = Broke(code="unavailable", message="503", retryable=True)
    decision = after_break(STEP, broke, ALL, jitter=1, ways=Ways(remembered=OLD))
    assert isinstance(decision, Join)
    degraded = "cached answer of read from 2026-05-04T03:02:01Z: unavailable"
    assert decision.outcome == ToolRan(result=b"7", degraded=degraded)


def test_nobody_is_asked_and_nothing_old_is_given_while_there_are_tries_left() -> None:
    broke = Broke(code="unavailable", message="503", retryable=True)
    ways = Ways(remembered=OLD, asks_about="read")
    decision = after_break(replace(STEP, tries=0), broke, ALL, jitter=1, ways=ways)
    assert isinstance(decision, TryAgain)


@pytest.mark.parametrize("code", ["refused", "tool_error", "bad_arguments", "no_such_order"])
def test_what_somebody_said_no_to_is_not_answered_from_memory(code: str) -> None:
    failed = ToolFailed(code=code, message="no")
    decision = after_failed(STEP, failed, ALL, Ways(remembered=OLD))
    assert isinstance(decision, Join)
    assert decision.outcome == failed


@pytest.mark.parametrize("again", [True, False])
def test_a_person_is_asked_about_the_call_in_words_for_everybody(again: object) -> None:
    ways = Ways(asks_about="read", may_run_again=bool(again))
    decision = after_failed(STEP, DOWN, ALL, ways)
    assert isinstance(decision, Continue)
    assert decision.outcome == DOWN
    [step] = decision.steps
    assert (step.round, step.call_id) == (STEP.round, "")
    said = "A service that is needed for this is not available. Please try again later."
    assert read_call(ASK_PERSON, step.arguments) == Question(
        question=f"The tool 'read' has failed for good. {said}",
        choices=(TRY_AGAIN, GO_ON, LET_FAIL) if again else (GO_ON, LET_FAIL),
        about=About(id="c1", tool="read"),
    )


@pytest.mark.parametrize("code", ["bad_arguments", "effect_abandoned", "breaker_open"])
def test_no_person_is_asked_of_what_others_see_to(code: str) -> None:
    decision = after_failed(STEP, ToolFailed(code=code, message=""), ALL, Ways(asks_about="read"))
    assert isinstance(decision, Join)


def test_who_declares_nothing_pays_nothing() -> None:
    world = World(old=["read"])
    assert world.ways(agent(read={}, other={"remembers": True, "asks": True})) == NOTHING_LEFT
    assert world.looks == 0


def test_another_tool_comes_first_when_it_takes_the_arguments_and_nothing_has_happened() -> None:
    assert World(old=["read"]).ways(ALL) == Ways(other_tool="skim")
    unfit = World(old=["read"], takes=False).ways(ALL)
    assert unfit.remembered == OLD
    assert World(old=["read"]).ways(ALL, certain=False).other_tool == ""


def test_once_its_fallback_has_failed_too_the_first_tool_is_answered_for() -> None:
    step = replace(STEP, tool="skim")
    world = World(failed_before("read", "skim"), old=["read", "skim"])
    assert world.ways(ALL, step) == Ways(remembered=OLD, asks_about="read", may_run_again=True)
    assert world.ways(ALL, step, certain=False) == Ways(asks_about="read")


@pytest.mark.parametrize(
    "past", [(), (failed_before("read", "skim", call_id="c2"),), (answered("c1"),)]
)
def test_a_tool_that_was_planned_itself_stands_in_for_nobody(past: Sequence[Done]) -> None:
    ways = World(*past, old=["read"]).ways(ALL, replace(STEP, tool="skim"))
    assert (ways.remembered, ways.asks_about) == (None, "")


ASKING = agent(read={"asks": True}, pay={"asks": True}, write={"asks": True})


@pytest.mark.parametrize(
    ("past", "asks"),
    [
        ((), "read"),
        ((answered("c1"),), ""),
        ((answered("c2"),), "read"),
        ((answered("c1", round_=7),), "read"),
        ((done(ASK_PERSON, "tool_failed", "", code="timed_out", message=""),), "read"),
        ((done(ASK_PERSON, "tool_ran", "c1", answer="yes"),), "read"),
    ],
)
def test_a_person_is_asked_once_for_each_call(past: Sequence[Done], asks: str) -> None:
    assert World(*past).ways(ASKING).asks_about == asks


def test_of_a_call_without_an_id_nobody_is_asked() -> None:
    assert World().ways(ASKING, replace(STEP, call_id="")).asks_about == ""


@pytest.mark.parametrize(
    ("tool", "code", "certain", "may"),
    [
        ("read", "timeout", True, True),
        ("pay", "unavailable", True, True),
        ("pay", "tool_error", False, False),
        ("write", "tool_error", True, True),
        ("write", "timeout", True, False),
    ],
)
def test_again_is_offered_only_where_nothing_can_have_happened(
    tool: str, code: str, certain: object, may: object
) -> None:
    step = replace(STEP, tool=tool)
    ways = World().ways(ASKING, step, code, certain=bool(certain))
    assert (ways.asks_about, ways.may_run_again) == (tool, may)


def test_a_call_that_a_person_may_be_asked_of_counts_as_two_steps() -> None:
    course = claimed().course
    for declared, limit in ((agent(read={}), ""), (agent(read={"asks": True}), "max_steps")):
        at = replace(claimed(), max_steps=10, next_position=7)
        calls = [ToolCall(tool="read", arguments=b"{}", call_id="c1")]
        assert before_calls(at, course, calls, None, declared) == limit


def test_without_the_past_the_failure_is_data_and_recorded() -> None:
    def away(_: Claimed) -> Sequence[Done]:
        raise StateUnavailable("Postgres is away")

    find = FindWays(
        takes=lambda _, __: True, recalls=lambda _, __: OLD, history=away, patience_s=0.1
    )
    assert find(STEP, ASKING, "timeout", certain=True) == NOTHING_LEFT
