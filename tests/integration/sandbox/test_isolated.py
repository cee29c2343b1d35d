"""A tool that is declared isolated: the router hears of it what it would hear of any other."""

import json
import os
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

import pytest

from agent_workers.domain.claim import Claimed
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.ids import effect_key
from agent_workers.domain.reply import Happened, NotDone, Reply, Unclear
from agent_workers.domain.step import Broke, StepKind, ToolFailed, ToolRan
from agent_workers.domain.tools.declaring import tool
from agent_workers.domain.tools.facility import Facility
from agent_workers.domain.tools.tool import Tool
from agent_workers.execution.agents.registry import LoadedAgent, loaded
from agent_workers.execution.sandbox.confining.processes import NotStarted, run_bounded
from agent_workers.execution.tools.router import ToolRouter
from agent_workers.execution.values.signature import signature_of
from tests.integration.sandbox import isolated_tools as tools
from tests.support.boundaries import needs_a_boundary
from tests.unit.execution.evaluator.rounds import by_function
from tests.unit.orchestration.agents import claimed

pytestmark = needs_a_boundary


class Clockwork(Facility, Protocol):
    """Something that only a worker has."""


def test_it_has_a_process_of_its_own_and_nothing_of_the_workers_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AGENT_SECRET_PEPPER", "the worker's own")
    ran = run(tools.look_around, greeting="hello")
    assert isinstance(ran, ToolRan), ran
    seen = json.loads(ran.result)
    assert seen["process"] != os.getpid()
    assert not [name for name in seen["variables"] if name.startswith("AGENT")]


def test_it_may_be_async() -> None:
    assert run(tools.later, word="soon") == ToolRan(result=b'"soon"')


def test_a_result_that_is_not_json_is_told_as_that_of_any_other_tool() -> None:
    ran = run(tools.odd)
    assert isinstance(ran, ToolFailed), ran
    assert ran.code == "bad_result"
    assert ran.message.startswith("odd returned something that is not JSON at $.found[0]: object")


def test_a_crash_ends_the_step_and_not_the_worker() -> None:
    ran = run(tools.crash)
    assert isinstance(ran, Broke), ran
    assert (ran.code, ran.retryable) == ("tool_died", False)


def test_its_time_ends_its_process() -> None:
    ran = run(tools.hang)
    assert isinstance(ran, Broke), ran
    assert (ran.code, ran.retryable) == ("timeout", True)


def test_its_memory_is_bounded() -> None:
    ran = run(tools.swell)
    assert isinstance(ran, Broke), ran
    assert "MemoryError" in ran.message


def test_an_effect_that_says_it_did_not_happen_did_not() -> None:
    assert isinstance(act("unknown"), NotDone)


def test_an_effect_whose_process_dies_may_have_happened() -> None:
    assert isinstance(act("crash"), Unclear)


def test_an_effect_whose_process_never_called_it_did_not_happen() -> None:
    @tool(effect=EffectClass.UNSAFE, isolated=True)
    def inside_a_function() -> str:
        """Stand where no child finds it."""
        return "never"

    asked = step(inside_a_function)
    key = effect_key(asked.root_id, asked.position)
    reply = router(inside_a_function).act(asked, asked.arguments, key=key, attempt=1)
    assert isinstance(reply, NotDone), reply
    assert "at the top level of its module" in reply.broke.message


def test_what_cannot_be_started_is_told_apart_from_what_died() -> None:
    with pytest.raises(NotStarted):
        run_bounded(["/nobody/has/this"], {}, given=b"", most=9, wall=timedelta(seconds=9))


def test_an_effect_that_happened_is_looked_up_in_a_child_too() -> None:
    assert isinstance(act("known"), Happened)
    claimed = step(tools.order_once, order="known")
    key = effect_key(claimed.root_id, claimed.position)
    seen = router(tools.order_once).look_up(claimed, claimed.arguments, key=key)
    assert (seen.found, seen.result) == (True, b'"known was there"')


def test_it_cannot_ask_for_what_only_a_worker_has() -> None:
    @tool(effect=EffectClass.PURE, isolated=True)
    def wound(*, clock: Clockwork) -> str:
        """Ask for it all the same."""
        return str(clock)

    with pytest.raises(Misdeclared, match="is isolated, so a worker cannot give it clock"):
        signature_of(wound)


def test_what_writes_with_the_record_is_not_isolated() -> None:
    with pytest.raises(Misdeclared, match="isolated"):
        tool(effect=EffectClass.TRANSACTIONAL, name="write", isolated=True)(lambda: None)


def test_ports_are_for_isolated_tools() -> None:
    with pytest.raises(Misdeclared, match="network= is for isolated tools"):
        tool(effect=EffectClass.PURE, name="fetch", network=(443,))(lambda: None)
    with pytest.raises(Misdeclared, match="from 1 to 65535"):
        tool(effect=EffectClass.PURE, name="fetch", isolated=True, network=(0,))(lambda: None)


def run(declared: Tool, **arguments: object) -> ToolRan | ToolFailed | Broke:
    return router(declared).run(step(declared, **arguments))


def act(order: str) -> Reply:
    claimed = step(tools.order_once, order=order)
    key = effect_key(claimed.root_id, claimed.position)
    return router(tools.order_once).act(claimed, claimed.arguments, key=key, attempt=1)


def router(declared: Tool) -> ToolRouter:
    agent: LoadedAgent = loaded(by_function(declared))
    return ToolRouter(lambda _: agent)


def step(declared: Tool, **arguments: object) -> Claimed:
    plain = claimed(StepKind.TOOL, tool=declared.name, effect=declared.effect)
    return replace(plain, arguments=json.dumps(arguments).encode())
