"""Tests of how tools are named to providers."""

import re

import pytest

from agent_workers.execution.models.tool_names import names_of, sent_name
from agent_workers.execution.models.values import ToolSchema


@pytest.mark.parametrize("name", ["search", "time.get_current_time", "a.b" * 40, "mémoire.x", "."])
def test_every_provider_takes_the_name_and_it_leads_back(name: str) -> None:
    tool = ToolSchema(name=name, description="", parameters={})
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", sent_name(name))
    assert names_of([tool])[sent_name(name)] == name


def test_a_name_that_needs_no_change_is_nobody_elses() -> None:
    tools = [ToolSchema(name=name, description="", parameters={}) for name in ("a__b", "a.b")]
    assert names_of(tools)["a__b"] == "a__b"
