"""Which results of tools serve again, for whom, and who waits while another one asks."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from agent_workers.domain.claim import Claimed
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import Misdeclared, ToolError
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.step import Broke, StepKind, ToolRan
from agent_workers.domain.tools.declaring import tool
from agent_workers.domain.tools.facility import Facility
from agent_workers.domain.tools.tool import Call, Tool
from agent_workers.execution.agents.registry import LoadedAgent, loaded
from agent_workers.execution.models.wrappers.answers_in_memory import AnswersInMemory
from agent_workers.execution.tools.caching import shared
from agent_workers.execution.tools.remembering import key_of
from agent_workers.execution.tools.router import ToolRouter
from tests.unit.execution.evaluator.rounds import by_function
from tests.unit.orchestration.agents import claimed

AN_HOUR = timedelta(hours=1)
STEP = replace(claimed(StepKind.TOOL, tool="look"), arguments=b'{"at":"a"}')


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Diary(Facility):
    """Something that a worker gives."""


@dataclass(slots=True)
class World:
    """A tool that counts its calls, and a store of results that it shares."""

    answers: AnswersInMemory
    calls: list[str]

    def counted(self, at: str) -> str:
        self.calls.append(at)
        if at == "no":
            raise ToolError("there is nothing")
        return f"saw {at}"

    # Any: whatever a tool may declare.
    def looks(self, **declared: Any) -> Tool:
        def look(at: str) -> str:
            """Look."""
            return self.counted(at)

        return tool(effect=EffectClass.PURE, **({"cache_for": AN_HOUR} | declared))(look)

    def router(self, look: Tool | None = None) -> ToolRouter:
        agent = loaded(by_function(look or self.looks()))

        def find(_: Claimed) -> LoadedAgent:
            return agent

        return ToolRouter(find, give=lambda _wanted, _call: Diary, results=self.answers)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock) -> World:
    return World(AnswersInMemory(clock=clock), [])


def test_a_result_serves_again_and_says_since_when(world: World) -> None:
    route = world.router()
    assert route.kept(STEP) is None
    first = route.run(STEP)
    again = route.kept(STEP)
    assert first == ToolRan(result=b'"saw a"')
    assert isinstance(again, ToolRan)
    assert (again.result, again.cached_at is not None) == (b'"saw a"', True)
    assert isinstance(route.run(STEP), ToolRan)
    assert world.calls == ["a"]


def test_it_serves_no_longer_than_the_tool_says(world: World, clock: Clock) -> None:
    route = world.router()
    route.run(STEP)
    clock.now += AN_HOUR.total_seconds() + 1
    assert route.kept(STEP) is None
    assert world.router(world.looks(cache_for=timedelta(microseconds=1))).kept(STEP) is None


@pytest.mark.parametrize(
    "other",
    [
        replace(STEP, arguments=b'{"at":"b"}'),
        replace(STEP, tenant_id=TenantId("another")),
    ],
)
def test_other_arguments_and_other_tenants_have_results_of_their_own(
    world: World, other: Claimed
) -> None:
    route = world.router()
    route.run(STEP)
    assert route.kept(other) is None
    assert route.kept(replace(STEP, job_id=JobId(UUID(int=9)))) is not None


def test_another_version_of_the_tool_has_results_of_its_own(world: World) -> None:
    world.router().run(STEP)
    assert world.router(world.looks(version="2")).kept(STEP) is None


def test_a_namesake_that_takes_the_same_has_results_of_its_own(world: World) -> None:
    def look(at: str) -> str:
        """Look."""
        return f"{at}, seen elsewhere"

    world.router().run(STEP)
    assert world.router(tool(effect=EffectClass.PURE, cache_for=AN_HOUR)(look)).kept(STEP) is None


def test_a_tool_that_has_come_to_give_something_else_has_new_results(world: World) -> None:
    def released(gives: type) -> Tool:
        def look(at: str) -> object:
            """Look."""
            return world.counted(at)

        look.__annotations__["return"] = gives
        return tool(effect=EffectClass.PURE, cache_for=AN_HOUR)(look)

    world.router(released(str)).run(STEP)
    assert world.router(released(str)).kept(STEP) is not None
    assert world.router(released(int)).kept(STEP) is None


def asks_for_its_call(at: str, *, call: Call) -> str:
    """Look for this job."""
    return f"{at} for {call.job_id}"


def asks_for_a_facility(at: str, *, diary: Diary) -> str:
    """Look into what the worker gives."""
    return f"{at} in {diary}"


@pytest.mark.parametrize("function", [asks_for_its_call, asks_for_a_facility])
def test_what_a_tool_reads_of_its_job_is_never_shown_to_another(
    world: World, function: Callable[..., object]
) -> None:
    declared = tool(effect=EffectClass.PURE, name="look", cache_for=AN_HOUR, stale_for=AN_HOUR)
    route = world.router(declared(function))
    route.run(STEP)
    assert route.kept(STEP) is not None
    assert route.kept(replace(STEP, job_id=JobId(UUID(int=9)))) is None


def test_failures_are_not_kept(world: World) -> None:
    route, step = world.router(), replace(STEP, arguments=b'{"at":"no"}')
    route.run(step)
    route.run(step)
    assert (route.kept(step), world.calls) == (None, ["no", "no"])


def test_what_the_tool_s_own_check_objects_to_is_not_kept(world: World) -> None:
    route = world.router(world.looks(check=lambda said: "never" if said else None))
    assert route.run(STEP) == ToolRan(result=b'"saw a"')
    assert route.kept(STEP) is None


def test_while_one_asks_the_others_wait_for_its_result(world: World) -> None:
    route, entered, let_go = world.router(), threading.Event(), threading.Event()
    declared = route.find(STEP).tools["look"]

    def slow() -> ToolRan:
        entered.set()
        assert let_go.wait(20)
        return ToolRan(result=b'"slow"')

    first = threading.Thread(target=lambda: shared(world.answers, STEP, declared, slow))
    first.start()
    assert entered.wait(20)
    naps = iter([let_go.set, first.join])
    found = shared(world.answers, STEP, declared, never, sleep=lambda _: next(naps)())
    assert isinstance(found, ToolRan)
    assert (found.result, found.cached_at is not None) == (b'"slow"', True)


def test_who_waits_too_long_for_it_lets_go_of_its_worker(world: World) -> None:
    declared = world.router().find(STEP).tools["look"]
    world.answers.lead(f"tool:{key_of(STEP, declared)}")
    ran = shared(world.answers, STEP, declared, never, sleep=lambda _: None)
    assert isinstance(ran, Broke)
    assert (ran.code, ran.parks_on, ran.retryable) == ("asked_already", "result:look", True)


def test_who_fails_lets_another_one_ask(world: World) -> None:
    declared = world.router().find(STEP).tools["look"]
    with pytest.raises(RuntimeError):
        shared(world.answers, STEP, declared, broken)
    assert shared(world.answers, STEP, declared, lambda: ToolRan(result=b"1")) == ToolRan(
        result=b"1"
    )


def test_without_a_word_every_call_is_made(world: World) -> None:
    route = world.router(world.looks(cache_for=None))
    route.run(STEP)
    route.run(STEP)
    assert (route.kept(STEP), world.calls) == (None, ["a", "a"])


@pytest.mark.parametrize(
    ("effect", "span"), [(EffectClass.UNSAFE, AN_HOUR), (EffectClass.PURE, timedelta(0))]
)
def test_only_pure_tools_may_say_so_and_for_a_while(effect: EffectClass, span: timedelta) -> None:
    def look(at: str) -> str:
        """Look."""
        return at

    with pytest.raises(Misdeclared, match="cache_for"):
        tool(effect=effect, cache_for=span)(look)


def never() -> ToolRan:
    raise AssertionError("it was called all the same")


def broken() -> ToolRan:
    raise RuntimeError("it broke")
