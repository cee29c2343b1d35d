"""The page about tools shows tools that load, and that `tools check` has nothing against."""

import re
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from agent_workers import Agent
from agent_workers.cli.tools.checks import check_tool
from agent_workers.execution.agents.registry import Registry, load
from agent_workers.execution.tools.builtins import builtin_tools
from agent_workers.terminal.findings import Level
from tests.support.repository import ROOT

PAGE = ROOT / "docs" / "tools.md"


@pytest.fixture
def shown() -> Iterator[Registry]:
    module = ModuleType("shop_tools_of_the_page")
    module.__dict__["Agent"] = Agent
    sys.modules[module.__name__] = module
    for block in re.findall(r"```python\n(.+?)```", PAGE.read_text(), re.DOTALL):
        exec(compile(block, PAGE.name, "exec"), module.__dict__)  # it is our own text
    yield load([module.__name__], beside=builtin_tools())
    del sys.modules[module.__name__]


def test_its_tools_are_well_declared(shown: Registry) -> None:
    for name in ("opening_hours", "refund", "stock"):
        levels = {one.level for one in check_tool(shown.tools[name], shown)}
        assert Level.FAIL not in levels, name


def test_its_agent_loads(shown: Registry) -> None:
    [desk] = shown.agents
    assert desk.declared.engages == ("ask_person", "wait")
    assert desk.tools["http_get"].timeout_ms == 5_000


def test_it_tells_of_all_that_a_tool_may_declare() -> None:
    page = PAGE.read_text()
    for member in ("cache_for", "concurrency", "version", "scopes", "check", "fallback", "look_up"):
        assert f"`{member}`" in page, member
