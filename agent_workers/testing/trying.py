"""One tool of somebody's own under trial: an agent whose whole plan is a single call of it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from uuid import UUID

from agent_workers.domain.agents.agent import Agent, Plan, Situation, Use
from agent_workers.domain.tools.tool import Tool

_STEP_TIMEOUT = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One trial, as whoever counts outside needs to know it."""

    # Differs from trial to trial: what a tool cannot key it can carry along.
    mark: str
    # What the tool gets as `call.key`, in every attempt of this trial.
    key: str
    job_id: UUID
    tenant_id: str
    # Where the job lives, for tools that write into our own database.
    database_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trying:
    """Which tool, and how it is changed so that many trials fit into a minute."""

    # `module:name`, where a worker process can import it.
    place: str
    agent: str
    timeout_s: float
    settle_s: float

    def agent_of(self, tool: Tool) -> Agent:
        """Make the agent; what would follow a failure of the tool is left out."""
        hasty = replace(
            tool,
            timeout=timedelta(seconds=self.timeout_s),
            settle=timedelta(seconds=self.settle_s),
            fallback=None,
            stale_for=None,
            cache_for=None,
            concurrency=None,
            ask_on_failure=False,
        )
        return Agent(name=self.agent, plan=_plan, tools=(hasty,), step_timeout=_STEP_TIMEOUT)


def write_tryings(tryings: Sequence[Trying]) -> str:
    return json.dumps([asdict(one) for one in tryings])


def read_tryings(written: str) -> list[Trying]:
    return [Trying(**one) for one in json.loads(written)]


def _plan(situation: Situation) -> Plan:
    return Plan([Use(situation.input["tool"], situation.input["arguments"])])
