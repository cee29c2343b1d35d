"""What `up` finds out of modules before there is a database."""

import sys
from collections.abc import Iterator
from types import ModuleType
from uuid import uuid4

import pytest

from agent_workers import Agent
from agent_workers.domain.errors import Misdeclared
from agent_workers.local.agents.registry import look_ahead
from agent_workers.settings import Settings, load_settings


@pytest.fixture
def module() -> Iterator[ModuleType]:
    made = ModuleType(f"agents_{uuid4().hex}")
    sys.modules[made.__name__] = made
    yield made
    del sys.modules[made.__name__]


def naming(tool: str, module: ModuleType) -> Settings:
    vars(module)["agent"] = Agent(name="a", model="scripted/small", tools=[tool])
    return load_settings(tools=(module.__name__,))


def test_a_tool_that_nobody_has_is_refused(module: ModuleType) -> None:
    with pytest.raises(Misdeclared, match="there is no tool 'nobody_has_it'"):
        look_ahead(naming("nobody_has_it", module))


def test_a_tool_of_a_server_is_looked_for_once_there_is_a_database(module: ModuleType) -> None:
    look_ahead(naming("time.get_current_time", module))
