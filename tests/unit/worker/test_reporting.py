"""When a worker says that it lives, and what it says of itself."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from uuid import UUID

import pytest

from agent_workers.domain.claim import Due
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.step import Lane, StepKind
from agent_workers.domain.worker_report import WorkerReport
from agent_workers.execution.agents.registry import load
from agent_workers.local.agents.models import catalog_here
from agent_workers.settings import Settings
from agent_workers.worker.describing import report_of
from agent_workers.worker.reporting import BEAT_EVERY_S, beats
from tests.unit.worker import reported_agents

KEY = "sk-of-tests-only"
SETTINGS = Settings(
    tools=(reported_agents.__name__,),
    lanes=(Lane.PLAN, Lane.TOOL),
    worker_name="one",
    sandbox="off",
)


@dataclass
class Reports:
    """Where reports go, without a database."""

    beaten: list[bool] = field(default_factory=list)
    swept: int = 0
    of: set[str] = field(default_factory=set)
    waiting: Sequence[Due] = ()
    rung: list[Due] = field(default_factory=list)

    def ring(self, due: Sequence[Due], *, parent: str | None) -> None:
        assert parent is None
        self.rung += due

    def beat(self, report: WorkerReport, *, stopping: bool) -> None:
        self.of.add(report.name)
        self.beaten.append(stopping)

    def sweep(self) -> None:
        self.swept += 1

    def wake(self, report: WorkerReport) -> Sequence[Due]:
        self.of.add(report.name)
        return self.waiting


def described() -> WorkerReport:
    return report_of(SETTINGS, load([reported_agents.__name__]), catalog_here(SETTINGS), slots=3)


def test_a_worker_beats_when_it_is_time_and_sweeps_now_and_then():
    reports, now = Reports(), [0.0]
    keep = beats(
        reports, described(), stopping=lambda: False, ring=reports.ring, clock=lambda: now[0]
    )
    for at in (0.0, 1.0, BEAT_EVERY_S - 1, BEAT_EVERY_S, BEAT_EVERY_S + 1):
        now[0] = at
        keep()
    assert (reports.beaten, reports.swept) == ([False, False], 1)


def test_a_worker_that_stops_says_so_at_once_and_once():
    reports, stopping = Reports(), [False]
    keep = beats(
        reports, described(), stopping=lambda: stopping[0], ring=reports.ring, clock=lambda: 0.0
    )
    keep()
    stopping[0] = True
    keep()
    keep()
    assert reports.beaten == [False, True]


def test_a_worker_wakes_what_waits_for_it_in_its_first_minute_only():
    due = Due(
        tenant_id=TenantId("t"),
        job_id=JobId(UUID(int=1)),
        position=0,
        kind=StepKind.PLAN,
        lane=Lane.PLAN,
    )
    reports, now = Reports(waiting=[due]), [0.0]
    keep = beats(
        reports, described(), stopping=lambda: False, ring=reports.ring, clock=lambda: now[0]
    )
    for at in (0.0, BEAT_EVERY_S, 61.0):
        now[0] = at
        keep()
    assert reports.rung == [due, due]


def test_a_report_names_what_a_worker_has():
    report = described()
    assert report.agents == {"reported": ["", "2"]}
    assert report.tools == ["look"]
    assert (report.lanes, report.pool, report.slots) == (SETTINGS.lanes, "threads", 3)
    assert report.name == f"one@{report.host}"
    assert report.abilities.why_no_sandbox == "code is not run here: AGENT_SANDBOX is off"


def test_a_report_says_which_models_have_a_key_and_never_the_key(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    without = described()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with_key = described()
    name = "openai/gpt-5-mini"
    assert with_key.models[name] == ""
    assert without.models[name] == f"model {name!r} has no key: set OPENAI_API_KEY"
    assert without.models["scripted/small"] == ""
    assert KEY not in json.dumps(asdict(with_key), default=str)
