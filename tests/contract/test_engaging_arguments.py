"""What a model is told of engaging calls is what the engine takes: the schemas and the reader agree."""

import json
from datetime import timedelta

import pytest
from pydantic import ValidationError

from agent_workers.domain.agents.agent import Agent, Use
from agent_workers.domain.agents.engine_calls import LONGEST_S, BadArguments, read_call
from agent_workers.domain.agents.engine_tools import (
    ENGAGED,
    ask_person,
    delegate,
    hand_off,
    send_event,
    wait,
    wait_for_event,
)
from agent_workers.domain.text.encoding import canonical
from agent_workers.execution.planner.engine_schemas import engine_models, engine_schemas

JOB = "job_" + "0123456789abcdef" * 2
ALL = Agent(
    name="all",
    team=["worker", "boss"],
    engages=["ask_person", "wait", "wait_for_event", "send_event"],
)
AN_HOUR = timedelta(hours=1)
USES = [
    delegate("worker", input="do it"),
    delegate("worker", input={"n": 1}, max_cost_usd=0.5, timeout=AN_HOUR),
    hand_off("boss", input={}, reason="too hard"),
    send_event(JOB, "news", {"n": [1, None]}),
    send_event(JOB, "news"),
    wait_for_event("news", timeout=AN_HOUR),
    wait_for_event("news"),
    wait(timedelta(days=3_650)),
    wait(timedelta(0)),
    ask_person("Sure?"),
    ask_person("Sure?", choices=["yes", "no"], timeout=AN_HOUR),
]
WRONG = [
    ("delegate", {"agent": "worker"}),
    ("delegate", {"agent": "", "input": "x"}),
    ("delegate", {"agent": "worker", "input": 5}),
    ("delegate", {"agent": "worker", "input": "x", "max_cost_usd": 0}),
    ("delegate", {"agent": "worker", "input": "x", "max_cost_usd": "1"}),
    ("delegate", {"agent": "worker", "input": "x", "max_cost_usd": True}),
    ("delegate", {"agent": "worker", "input": "x", "budget": 1}),
    ("hand_off", {"agent": "boss", "input": "x", "max_cost_usd": 1}),
    ("hand_off", {"agent": "boss", "input": "x", "reason": "x" * 4_001}),
    ("send_event", {"job_id": "job_7", "name": "news"}),
    ("send_event", {"job_id": JOB, "name": ""}),
    ("send_event", {"job_id": JOB, "name": "a\0b"}),
    ("wait_for_event", {"name": "x" * 201}),
    ("wait_for_event", {"name": "news", "timeout_seconds": -1}),
    ("wait", {}),
    ("wait", {"seconds": None}),
    ("wait", {"seconds": LONGEST_S + 1}),
    ("wait", {"seconds": "1"}),
    ("ask_person", {"question": ""}),
    ("ask_person", {"question": "Sure?", "choices": "yes"}),
    ("ask_person", {"question": "Sure?", "choices": [""]}),
    ("ask_person", {"question": "Sure?", "choices": ["x"] * 51}),
    ("ask_person", []),
]


@pytest.mark.parametrize("use", USES)
def test_what_a_planner_writes_fits_the_schema_and_the_engine(use: Use) -> None:
    arguments = canonical(use.arguments)
    engine_models(ALL)[use.tool].model_validate_json(arguments)
    read_call(use.tool, arguments)


@pytest.mark.parametrize(("tool", "arguments"), WRONG)
def test_what_the_schema_refuses_the_engine_refuses_too(tool: str, arguments: object) -> None:
    written = json.dumps(arguments).encode()
    with pytest.raises(ValidationError):
        engine_models(ALL)[tool].model_validate_json(written)
    with pytest.raises(BadArguments):
        read_call(tool, written)


def test_a_model_is_told_of_every_tool_that_its_agent_may_use_and_of_no_other() -> None:
    assert {schema.name for schema in engine_schemas(ALL)} == ENGAGED
    assert engine_schemas(Agent(name="alone")) == ()
    (only,) = engine_schemas(Agent(name="asking", engages=["ask_person"]))
    assert only.name == "ask_person"


def test_a_model_may_name_the_agents_of_the_team_only() -> None:
    for schema in engine_schemas(Agent(name="lead", team=["worker", "boss"])):
        properties = schema.parameters["properties"]
        assert isinstance(properties, dict)
        assert properties["agent"]["enum"] == ["worker", "boss"]
    stranger = canonical({"agent": "stranger", "input": "x"})
    with pytest.raises(ValidationError):
        engine_models(ALL)["delegate"].model_validate_json(stranger)
