"""A server outside for each test, and a system whose agents call it; no breaker remembers anything."""

import time
from collections.abc import Iterator

import pytest

from tests.integration.conftest import running
from tests.integration.recovery.outage import Outage, running_outage
from tests.integration.worker_system import System

__all__ = ["running"]

AGENTS = "tests.integration.recovery.agents"


@pytest.fixture
def outage() -> Iterator[Outage]:
    with running_outage() as server:
        yield server


@pytest.fixture
def failing(running: System) -> System:
    running.variables["AGENT_TOOLS"] = AGENTS
    running.ask("delete from breakers returning 1")
    return running


def opened_at(system: System, name: str) -> float | None:
    """When a breaker was first seen open, by the clock of this process."""
    state = system.ask("select state from breakers where name = %s", name)
    return time.monotonic() if state == "open" else None
