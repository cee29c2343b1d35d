"""What every planner promises, whoever thinks: a function, a script, a rule, or a model."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import pytest

from agent_workers import (
    Agent,
    Answer,
    Effect,
    GiveUp,
    Plan,
    PlanMode,
    Route,
    Situation,
    Use,
    Workflow,
    choose,
    tool,
)
from agent_workers.domain import codec
from agent_workers.domain.agents.agent import Planner
from agent_workers.domain.budget import Usage
from agent_workers.domain.claim import Claimed, Done
from agent_workers.domain.course import Course
from agent_workers.domain.step import Broke, GaveUp, Outcome, Planned, StepKind
from agent_workers.execution.agents.registry import loaded
from agent_workers.execution.history import History
from agent_workers.execution.model_steps import ModelSteps
from agent_workers.execution.models.values import ModelReply, ModelRequest, ToolCallWish
from agent_workers.execution.perform import Performer
from agent_workers.execution.planner.waves import calls_of, next_wave
from agent_workers.execution.tools.router import ToolRouter
from agent_workers.testing.planner import scripted
from tests.support.models import JustOne
from tests.unit.orchestration.agents import claimed


@tool(effect=Effect.PURE)
def add(left: int, right: int) -> int:
    """Add two numbers."""
    return left + right


FIRST = {"left": 1, "right": 2}
REST = {"left": {"$from": "one"}, "right": 3}
# What a planner is told to think, whatever it is: two calls, nonsense, or that there is no way.
THOUGHTS = ("two calls", "nonsense", "no way")


def function(situation: Situation) -> Plan | GiveUp:
    """Think what the input says."""
    match situation.input:
        case "two calls":
            return Plan([Use("add", FIRST, id="one"), Use("add", REST, after=["one"])])
        case "nonsense":
            return Plan([Use("add", FIRST, after=["nobody"])])
        case _:
            return GiveUp("there is no way")


def whole(goal: str) -> str:
    """The same as one typed plan."""
    shape = {"description": "", "tool": "add", "done_when": ""}
    one = shape | {"id": "one", "arguments": FIRST, "depends_on": []}
    two = shape | {"id": "two", "arguments": REST, "depends_on": ["one"]}
    lost = shape | {"id": "one", "arguments": FIRST, "depends_on": ["nobody"]}
    steps = {"two calls": [one, two], "nonsense": [lost]}.get(goal, [])
    return json.dumps({"steps": steps, "answer": None, "give_up": "there is no way"})


def wishes(goal: str) -> tuple[ToolCallWish, ...]:
    """The same as native tool calls."""
    first, rest = json.dumps(FIRST), json.dumps(REST).replace("one", "c1")
    lost = json.dumps(FIRST | {"_after": ["nobody"]})
    thought = {
        "two calls": [("add", first), ("add", rest)],
        "nonsense": [("add", lost)],
    }.get(goal, [("give_up", '{"reason": "there is no way"}')])
    return tuple(ToolCallWish(id="x", name=name, arguments_json=text) for name, text in thought)


class Thinking:
    """A model that thinks what the goal says, in the form that it is asked for."""

    def complete(self, request: ModelRequest, *, deadline_s: float) -> ModelReply:
        assert deadline_s > 0
        goal = next(m.content for m in request.messages if m.role == "user")
        if request.purpose == "summarise":
            assert not request.tools
            return said("as far as it came")
        return said("", wishes(goal)) if request.tools else said(whole(goal))


def said(text: str, calls: tuple[ToolCallWish, ...] = ()) -> ModelReply:
    return ModelReply(
        text=text,
        tool_calls=calls,
        usage=Usage(input=1, output=1, calls=1),
        price_version="test",
        finish_reason="tool_calls" if calls else "stop",
        model="thinking",
    )


def by_script(thought: str) -> Planner:
    return scripted(
        function(
            Situation(tenant_id="t", job_id=claimed().job_id, input=thought, round=0, history=())
        )
    )


def by_rule(_: str) -> Planner:
    return choose(
        Workflow(name="never", plan=lambda _: Answer("wrong"), when=lambda _: False),
        Workflow(name="always", plan=function),
    )


def agent(plan: Planner | None = None, mode: PlanMode = PlanMode.REACT, **more: object) -> Agent:
    model = None if plan is not None else "scripted/small"
    return Agent(name="demo", tools=[add], plan=plan, model=model, mode=mode, **more)  # type: ignore[arg-type]  # each by its name


PLANNERS: Mapping[str, Callable[[str], Agent]] = {
    "function": lambda _: agent(function),
    "script": lambda thought: agent(by_script(thought)),
    "workflow by rule": lambda thought: agent(by_rule(thought)),
    "turn by turn": lambda _: agent(),
    "the whole way": lambda _: agent(mode=PlanMode.PLAN_EXECUTE),
    "router whose rules do not hold": lambda _: agent(
        function, routes=[Route(when="text == 'else'", agent="other")], team=["other"]
    ),
}


@dataclass(frozen=True, slots=True)
class Thinker:
    """One planner, and the way in which the engine asks it."""

    make: Callable[[str], Agent]

    def plan(self, thought: str, *history: Done, course: Course | None = None) -> Outcome | Broke:
        known = loaded(self.make(thought))

        def find(_: Claimed) -> object:
            return known

        step = replace(claimed(), input=json.dumps(thought).encode(), history=history)
        step = step if course is None else replace(step, course=course)
        perform = Performer(
            find=find,  # type: ignore[arg-type]  # the one agent there is
            router=ToolRouter(find),  # type: ignore[arg-type]  # as above
            models=ModelSteps(models=JustOne(Thinking())),
        )
        return perform(step, lambda: history)


@pytest.fixture(params=list(PLANNERS))
def thinker(request: pytest.FixtureRequest) -> Thinker:
    return Thinker(PLANNERS[request.param])


def planned_by(thinker: Thinker) -> Planned:
    outcome = thinker.plan("two calls")
    assert isinstance(outcome, Planned)
    return outcome


def test_each_call_has_an_id_of_its_own_and_depends_only_on_others(thinker: Thinker) -> None:
    calls = planned_by(thinker).calls
    ids = [call.call_id for call in calls]
    assert len(set(ids)) == len(ids) == 2
    assert all(ids)
    assert [call.after for call in calls] == [(), (ids[0],)]
    assert calls[0].arguments == b'{"left":1,"right":2}'


def test_what_is_stored_of_a_plan_is_all_that_its_next_wave_needs(thinker: Thinker) -> None:
    planned = planned_by(thinker)
    done = codec.done(claimed(), planned, codec.encode(planned))
    tool_step = replace(
        claimed(StepKind.TOOL, tool="add"), position=2, call_id=planned.calls[0].call_id
    )
    ran = Done(
        position=2,
        round=0,
        kind=StepKind.TOOL,
        tool="add",
        type="tool_ran",
        outcome=b"3",
        call_id=tool_step.call_id,
    )
    situation = Situation(
        tenant_id="t", job_id=tool_step.job_id, input="", round=0, history=History((done, ran))
    )
    assert calls_of(situation.history) == planned.calls
    (ready,) = next_wave(situation).ready
    assert json.loads(ready.arguments) == {"left": 3, "right": 3}


def test_a_plan_that_cannot_be_run_never_hands_out_a_call(thinker: Thinker) -> None:
    outcome = thinker.plan("nonsense")
    match outcome:
        case Planned():
            assert outcome.calls == ()
            assert "nobody" in outcome.problems[0]
        case GaveUp():
            assert (outcome.code, "nobody" in outcome.message) == ("invalid_plan", True)
        case _:
            pytest.fail(f"{outcome!r}")


def test_giving_up_says_why(thinker: Thinker) -> None:
    outcome = thinker.plan("no way")
    assert isinstance(outcome, GaveUp)
    assert (outcome.code, outcome.message) == ("gave_up", "there is no way")


def test_at_a_limit_it_ends_with_what_there_is_and_says_which_limit(thinker: Thinker) -> None:
    outcome = thinker.plan("two calls", course=Course(finalising="max_rounds"))
    assert isinstance(outcome, Planned)
    assert outcome.calls == ()
    assert outcome.answer is not None
    assert outcome.degraded == "limit: max_rounds"


def test_a_router_whose_rule_holds_hands_over_without_asking_its_planner() -> None:
    routes = [Route(when="text == 'two calls'", agent="other")]
    outcome = Thinker(lambda _: agent(function, routes=routes, team=["other"])).plan("two calls")
    assert isinstance(outcome, Planned)
    assert [call.tool for call in outcome.calls] == ["hand_off"]
    assert outcome.workflow == "route:other"


def test_a_workflow_that_was_chosen_by_rule_stands_on_the_job() -> None:
    planned = planned_by(Thinker(PLANNERS["workflow by rule"]))
    assert planned.workflow == "always"


def test_no_workflow_that_is_meant_is_a_reason_to_give_up() -> None:
    never = Workflow(name="never", plan=function, when=lambda _: False)
    outcome = Thinker(lambda _: agent(choose(never))).plan("two calls")
    assert isinstance(outcome, GaveUp)
    assert "workflows: never" in outcome.message
