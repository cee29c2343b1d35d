"""Definitions: what is kept of an agent says all of it, and becomes the same agent again."""

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest

from agent_workers import (
    Agent,
    Effect,
    Judging,
    Limits,
    ModelSettings,
    OnStuckTurn,
    PlanMode,
    Route,
    tool,
)
from agent_workers.domain.agents.version import digest_of, split_name
from agent_workers.execution.agents.binding import bind
from agent_workers.execution.agents.definitions import definition_of
from agent_workers.execution.agents.documents import AgentDocument, document_of
from agent_workers.execution.agents.registry import Registry, loaded, read_tool

HERE = "tests.unit.execution.agents.test_definitions"


@tool(effect=Effect.PURE)
def look(at: str) -> str:
    """Look."""
    return at


def think(_: object) -> object:
    """Stand for any Python part."""


FULL = Agent(
    name="full",
    version="v1",
    description="Everything is said.",
    mode=PlanMode.PLAN_EXECUTE,
    model="scripted/small",
    ladders={"plan": ("scripted/small", "scripted/large")},
    model_settings=ModelSettings(temperature=0.2, max_output_tokens=900, stop=("END",)),
    settings_by_purpose={"evaluate": ModelSettings(temperature=0)},
    instructions="Be {{how}}.",
    prompts={"evaluate": "Judge it."},
    variables={"how": "kind"},
    tools=[look],
    limits=Limits(max_steps=7, max_calls_of={"look": 2}),
    judging=Judging(final=True, sample=0.25),
    output={"type": "object"},
    cites=True,
    team=("friend",),
    routes=(Route(when="text == 'x'", agent="friend"),),
    fallback="friend",
    engages=("ask_person",),
    cached=True,
    streamed=True,
    on_stuck_turn=OnStuckTurn.SKIP,
    stuck_after=timedelta(seconds=90),
    max_cost_micro_per_call=15_001,
    step_timeout=timedelta(seconds=2.5),
    timeout_overrides={"look": timedelta(seconds=1.5)},
    plan=think,  # type: ignore[arg-type]  # it is never called
    evaluate=think,  # type: ignore[arg-type]  # nor here
    checks=(think,),  # type: ignore[arg-type]  # nor here
)


@tool(effect=Effect.PURE, name="look")
def look_far(at: str, times: int = 1) -> str:
    """Look."""
    return at * times


# Any: each is of its member's type.
CHANGES: dict[str, Any] = {
    "name": "other",
    "description": "Another.",
    "mode": PlanMode.REACT,
    "model": "scripted/large",
    "ladders": {"plan": ["scripted/small"]},
    "model_settings": ModelSettings(temperature=0.3, max_output_tokens=900, stop=("END",)),
    "settings_by_purpose": {"evaluate": ModelSettings(temperature=0.1)},
    "instructions": "Be very {{how}}.",
    "prompts": {},
    "variables": {"how": "rude"},
    "tools": [look_far],
    "limits": Limits(max_steps=7, max_calls_of={"look": 3}),
    "judging": Judging(final=True, sample=0.5),
    "output": {"type": "array"},
    "cites": False,
    "team": ["friend", "other"],
    "routes": [],
    "fallback": None,
    "engages": [],
    "cached": False,
    "streamed": False,
    "on_stuck_turn": OnStuckTurn.FAIL,
    "stuck_after": timedelta(seconds=91),
    "max_cost_micro_per_call": 15_000,
    "step_timeout": timedelta(seconds=3),
    "timeout_overrides": {"look": timedelta(seconds=2)},
    "plan": None,
    "evaluate": None,
    "checks": [],
}
# What documents call otherwise, because JSON has neither durations nor micro-dollars.
NAMES = {
    "step_timeout": "step_timeout_s",
    "stuck_after": "stuck_after_s",
    "max_cost_micro_per_call": "max_cost_usd_per_call",
}


def test_a_document_has_every_member_of_an_agent_and_this_test_sets_all_of_them():
    named = {NAMES.get(one.name, one.name) for one in fields(Agent)}
    assert named == set(AgentDocument.model_fields)
    plain = Agent(name="plain")
    assert [f.name for f in fields(Agent) if getattr(FULL, f.name) == getattr(plain, f.name)] == []


def test_a_definition_becomes_the_same_agent_again():
    definition = definition_of(loaded(FULL))
    again = bind(document_of(definition), Registry(tools={"look": read_tool(look)}))
    assert replace(again.declared, tools=FULL.tools, version="v1", checks=FULL.checks) == FULL
    assert again.declared.checks == [think]
    assert definition_of(again) == definition


def test_what_is_at_its_default_is_left_out_so_that_a_new_release_changes_no_digest():
    assert definition_of(loaded(Agent(name="plain", model="m"))) == {
        "name": "plain",
        "model": "m",
        "tools": [],
    }


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_every_member_counts_in_the_digest_but_the_version(name: str):
    changed = replace(FULL, **{name: CHANGES[name]})
    assert digest_of(definition_of(loaded(changed))) != digest_of(definition_of(loaded(FULL)))


def test_the_change_of_every_member_is_tested():
    assert CHANGES.keys() | {"version"} == {one.name for one in fields(Agent)}


def test_the_version_is_no_part_of_the_digest():
    other = definition_of(loaded(replace(FULL, version="v2")))
    assert digest_of(other) == digest_of(definition_of(loaded(FULL)))


def test_a_name_may_carry_a_version():
    assert split_name("support@v2") == ("support", "v2")
    assert split_name("support") == ("support", "")
