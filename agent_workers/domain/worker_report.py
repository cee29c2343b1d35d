"""What a running worker says of itself: where it is, what it serves, and what it has for that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Self
from uuid import UUID

from agent_workers.domain.step import Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What depends on the machine and the environment of a worker."""

    # The level that `python_code` runs in; empty: none, and why.
    sandbox: str = ""
    why_no_sandbox: str = ""
    # Why programs of others have bounds and no boundary; empty: they have one.
    why_no_boundary: str = ""
    embedding: str = ""
    # Why that model cannot be called; empty: it can.
    why_no_embedding: str = ""
    mail: bool = False
    sql_sources: Sequence[str] = ()

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Self:
        """Read what a worker said; one of a newer release may say more than is known here."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: value for name, value in said.items() if name in known})


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerReport:
    """One worker, however many processes it has. It holds names, and never a key or a secret."""

    report_id: UUID
    name: str
    host: str
    pid: int
    version: str
    lanes: Sequence[Lane]
    pool: str
    slots: int
    # The agents of its modules with their declared versions; agents from files are every worker's.
    agents: Mapping[str, Sequence[str]]
    # Without those of MCP servers, which come and go while it runs.
    tools: Sequence[str]
    # The models that it knows, each with why it cannot ask it; empty: it can.
    models: Mapping[str, str]
    # The names of the variables that servers of MCP may be given.
    secrets: Sequence[str]
    abilities: Abilities = field(default_factory=Abilities)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSeen:
    """A report as the database has it."""

    report: WorkerReport
    started_at: datetime
    seen_at: datetime
    # By the clock of the database.
    age: timedelta
    stopping: bool
    # False: it has missed three beats.
    alive: bool

    @property
    def serves(self) -> bool:
        return self.alive and not self.stopping

    @property
    def label(self) -> str:
        """Name it for an operator, who has to find it."""
        report = self.report
        seconds = round(self.age.total_seconds())
        return f"worker {report.name} (pid {report.pid}, seen {seconds} s ago)"
