"""The pytest plugin for authors of tools; what its fixtures need is imported when one is used."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import pytest

from agent_workers.domain.tool import Call, Tool
from agent_workers.testing.clock import FakeClock
from agent_workers.testing.effect_counter import EffectCounter
from agent_workers.testing.tries import CrashPoints

# pytest loads this file for everybody who has the package installed, whatever they test.
# ruff: noqa: PLC0415


class CrashServers(Protocol):
    """A Postgres and a Redis for crash points alone, and a counter."""

    @property
    def postgres_url(self) -> str: ...

    @property
    def redis_url(self) -> str: ...

    @property
    def counter_url(self) -> str: ...


class RunTool(Protocol):
    def __call__(
        self,
        tool: Tool,
        arguments: Mapping[str, object] | None = None,
        *,
        given: Sequence[object] = (),
        call: Call | None = None,
    ) -> object:
        """Run a tool as a worker would, but for the engine around it.

        `given`: what stands for the facilities that it asks for.
        """
        ...


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("agent-workers").addoption(
        "--record-models",
        action="store_true",
        help="ask real models for what their recordings lack, and record it",
    )


@pytest.fixture(scope="session")
def crash_servers() -> Iterator[CrashServers]:
    """Servers of our own, started from wheels; override it to have another Postgres and Redis."""
    from agent_workers.cli.prove.servers import own_servers

    with own_servers(durable=False) as (servers, _, _, _):
        yield servers


@pytest.fixture(scope="session")
def crash_points(
    crash_servers: CrashServers, tmp_path_factory: pytest.TempPathFactory
) -> CrashPoints:
    """Try tools at every crash point: `crash_points(Try(tool=…, arguments=…, happened=…))`."""
    from agent_workers.cli.prove.grounds import Servers
    from agent_workers.cli.prove.tried import ToolProofs

    servers = Servers(
        postgres_url=crash_servers.postgres_url,
        redis_url=crash_servers.redis_url,
        counter_url=crash_servers.counter_url,
    )
    return ToolProofs(servers=servers, folder=tmp_path_factory.mktemp("crash_points"))


@pytest.fixture(scope="session")
def effect_counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EffectCounter]:
    """A server that counts what tools do to it."""
    from agent_workers.cli.prove.grounds import running_counter

    with running_counter(tmp_path_factory.mktemp("effect_counter")) as url:
        yield EffectCounter(url)


@pytest.fixture
def fake_clock() -> FakeClock:
    """What a tool that asks for a `Clock` is given in a test."""
    return FakeClock()


@pytest.fixture
def run_tool() -> RunTool:
    from agent_workers.execution.tools.by_hand import run_by_hand

    return run_by_hand
