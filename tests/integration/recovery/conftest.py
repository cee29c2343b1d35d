"""A server outside for each test, and a system whose agents call it; no breaker remembers anything."""

from collections.abc import Iterator

import pytest

from tests.integration.conftest import running
from tests.integration.recovery.outage import Outage, running_outage
from tests.support.worker_system import System, until

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


def is_kept_off(system: System, outage: Outage) -> bool:
    """Send a job ahead; what another process did is known within about half a second."""
    job = system.submit("calling", url=outage.url, tools=["look"])
    until(lambda: system.job(job).finished or system.job(job).status == "waiting", "it is seen")
    return not system.job(job).finished
