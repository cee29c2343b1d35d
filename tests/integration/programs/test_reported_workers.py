"""A worker that runs is known with all that it has, as one, and one that has ended is not."""

import pytest

from agent_workers.domain.worker_report import WorkerSeen
from agent_workers.state.steps.worker_reports import WorkerReports
from tests.support.worker_system import System, until

pytestmark = pytest.mark.slow


def alive(running: System) -> list[WorkerSeen]:
    return [seen for seen in WorkerReports(running.database).all() if seen.alive]


def test_a_prefork_worker_reports_as_one_beats_and_is_forgotten_at_its_end(
    running: System,
) -> None:
    worker = running.worker("reported", lanes="effect", pool="prefork", OPENAI_API_KEY="sk-test")
    [seen] = alive(running)
    report = seen.report
    assert (report.pid, report.pool, report.slots, report.lanes) == (
        *(worker.pid, "prefork", 2),
        ["effect"],
    )
    assert report.name.startswith("reported@")
    assert "writing" in report.agents
    assert "deposit" in report.tools
    assert any(name.startswith("openai/") and not why for name, why in report.models.items())
    running.ask("update worker_reports set seen_at = seen_at - interval '1 hour' returning 1")
    until(lambda: alive(running), "one of its processes has said that it lives")
    assert worker.end() == 0
    assert WorkerReports(running.database).all() == []
