"""The pytest plugin for authors of tools; what its fixtures need is imported when one is used."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import pytest

from agent_workers.domain.agents.agent import Agent, Use
from agent_workers.domain.tools.tool import Call, Tool
from agent_workers.testing.clock import FakeClock
from agent_workers.testing.effect_counter import EffectCounter
from agent_workers.testing.tries import CrashPoints

# pytest loads this file for everybody who has the package installed, whatever they test.
# ruff: noqa: PLC0415
_LONGEST_NAME = 120


class CrashServers(Protocol):
    """A Postgres and a Redis for crash points alone, and a counter."""

    @property
    def postgres_url(self) -> str: ...

    @property
    def redis_url(self) -> str: ...

    @property
    def counter_url(self) -> str: ...


class Turn(Protocol):
    @property
    def uses(self) -> Sequence[Use]:
        """The calls that it wants, each checked against the signature of its tool."""
        ...

    @property
    def answer(self) -> object: ...

    @property
    def problems(self) -> Sequence[str]:
        """Why its plan cannot be used."""
        ...


class Recorded(Protocol):
    """A model that replays what it said when it was recorded."""

    @property
    def unused(self) -> list[str]:
        """The ends of recorded requests that nobody made this time."""
        ...

    # Any: words of the gateway, which are not loaded before this fixture is used.
    def complete(self, request: Any, *, deadline_s: float) -> Any:  # noqa: ANN401 (see above)
        """Replay a reply, or raise."""
        ...


class FirstTurn(Protocol):
    def __call__(self, agent: Agent, given: object) -> Turn:
        """Return what the agent's model plans first for a job with this input.

        Its replies are replayed from `recorded/` beside the test; with `--record-models` the model
        is asked for what is not there.
        """
        ...


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
    """Start an embedded Postgres and Redis; override this fixture to use other ones."""
    from agent_workers.proving.servers import own_servers

    with own_servers(durable=False) as (servers, _, _, _):
        yield servers


@pytest.fixture(scope="session")
def crash_points(
    crash_servers: CrashServers, tmp_path_factory: pytest.TempPathFactory
) -> CrashPoints:
    """Try tools at every crash point: `crash_points(Try(tool=…, arguments=…, happened=…))`."""
    from agent_workers.proving.grounds import Servers
    from agent_workers.proving.trials.tried import ToolProofs

    servers = Servers(
        postgres_url=crash_servers.postgres_url,
        redis_url=crash_servers.redis_url,
        counter_url=crash_servers.counter_url,
    )
    return ToolProofs(servers=servers, folder=tmp_path_factory.mktemp("crash_points"))


@pytest.fixture(scope="session")
def effect_counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EffectCounter]:
    """Start a server that counts what tools do to it."""
    from agent_workers.proving.grounds import running_counter

    with running_counter(tmp_path_factory.mktemp("effect_counter")) as url:
        yield EffectCounter(url)


@pytest.fixture
def fake_clock() -> FakeClock:
    """Give a clock that stands still, for tools that ask for a `Clock`."""
    return FakeClock()


@pytest.fixture
def run_tool() -> RunTool:
    """Call one tool as a worker would: `run_tool(refund, {"order": "A1"})`."""
    from agent_workers.execution.tools.by_hand import run_by_hand

    return run_by_hand


@pytest.fixture
def recorded_model(request: pytest.FixtureRequest) -> Iterator[Recorded]:
    """Replay the replies of `recorded/TEST.json` beside the test; a request that has none fails."""
    from agent_workers.execution.models.scripted.recorded import RecordedModel
    from agent_workers.local.agents.models import real_models_here

    file = request.path.parent / "recorded" / f"{_file_name(request.node.name)}.json"
    if not request.config.getoption("--record-models"):
        yield RecordedModel(file)
        return
    with real_models_here() as gateway:
        yield RecordedModel(file, behind=gateway)


@pytest.fixture
def first_turn(recorded_model: Recorded) -> FirstTurn:
    """Return what an agent's model plans first: `first_turn(agent, {"message": "…"})`."""
    from agent_workers.execution.first_turn import first_turn as ask

    return lambda agent, given: ask(agent, given, model=recorded_model)


def _file_name(test: str) -> str:
    """Write a test's name, parameters included, as a file may be called anywhere."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", test).strip("-")[:_LONGEST_NAME]
