"""The doctor: what is current is checked as strictly as what is applied."""

import pytest

from agent_workers.cli.doctor.agents import check_agents
from agent_workers.settings import Settings
from agent_workers.state.catalogue.agent_versions import AgentVersions
from agent_workers.state.database.engine import Database
from tests.integration.agents.conftest import SHOUTING, TOOLS, Desk

PRICED = "name: thinker\nmodel: openai/gpt-5-mini\n"
OTHERS = "tests.integration.agents.other_tools"


def found(database: Database, desk: Desk, *modules: str) -> list[str]:
    current = AgentVersions(database).current(desk.tenant)
    return [finding.line for finding in check_agents(Settings(tools=modules), current)]


def test_what_works_is_one_line(database: Database, desk: Desk):
    desk.apply(SHOUTING)
    assert found(database, desk, TOOLS) == [
        "ok    the models, tools and teams of 1 current agent are there"
    ]


def test_a_tool_that_is_gone_fails(database: Database, desk: Desk):
    desk.apply(SHOUTING.replace("[shout]", "[shout, whisper]"))
    [line] = found(database, desk, OTHERS)
    assert line.startswith(
        "FAIL  agent speaker@1: tools.1: no module of AGENT_TOOLS has a tool 'whisper'"
    )


def test_a_key_that_is_gone_fails(database: Database, desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    assert desk.apply(PRICED).code == 0
    monkeypatch.delenv("OPENAI_API_KEY")
    [line] = found(database, desk, TOOLS)
    assert line.startswith("FAIL  agent thinker@1: model: model 'openai/gpt-5-mini' has no key")


def test_the_doctor_looks_at_every_tenant(database: Database, desk: Desk):
    desk.apply(SHOUTING)
    assert "speaker" in [one.name for one in AgentVersions(database).everywhere()]
