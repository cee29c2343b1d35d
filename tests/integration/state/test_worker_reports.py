"""What workers say of themselves, as the database keeps it."""

from dataclasses import replace
from uuid import uuid4

import pytest

from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.step import Lane
from agent_workers.domain.worker_report import Abilities, WorkerReport
from agent_workers.state.catalogue.agents import Agents, Registered
from agent_workers.state.database.engine import Database
from agent_workers.state.steps.worker_reports import WorkerReports

REPORT = WorkerReport(
    report_id=uuid4(),
    name="one@here",
    host="here",
    pid=4711,
    version="1.2.3",
    lanes=[Lane.PLAN, Lane.TOOL],
    pool="prefork",
    slots=2,
    agents={"reported": ["", "2"]},
    tools=["look"],
    models={"scripted/small": "", "mine": "model 'mine' has no key: set MY_KEY"},
    secrets=["MCP_TOKEN"],
    abilities=Abilities(sandbox="monty", sql_sources=["shop"]),
)


@pytest.fixture
def reports(database: Database) -> WorkerReports:
    with database.connection() as connection:
        connection.execute("delete from worker_reports")
    return WorkerReports(database)


def ago(database: Database, report: WorkerReport, words: str) -> None:
    """Let the last beat of a worker be so long ago."""
    with database.connection() as connection:
        connection.execute(
            "update worker_reports set seen_at = clock_timestamp() - %s::interval"
            " where report_id = %s",
            (words, report.report_id),
        )


def test_a_report_is_read_as_it_was_said(reports: WorkerReports) -> None:
    reports.say(REPORT)
    [seen] = reports.all()
    assert seen.report == REPORT
    assert seen.serves


def test_a_worker_that_missed_three_beats_is_not_alive_until_it_beats_again(
    reports: WorkerReports, database: Database
) -> None:
    reports.say(REPORT)
    ago(database, REPORT, "40 seconds")
    [seen] = reports.all()
    assert not seen.alive
    reports.beat(REPORT, stopping=False)
    [seen] = reports.all()
    assert seen.alive


def test_of_several_processes_that_beat_together_one_writes(reports: WorkerReports) -> None:
    reports.say(REPORT)
    [before] = reports.all()
    reports.beat(REPORT, stopping=False)
    [after] = reports.all()
    assert after.seen_at == before.seen_at


def test_a_worker_that_stops_is_alive_and_serves_nothing(reports: WorkerReports) -> None:
    reports.say(REPORT)
    reports.beat(REPORT, stopping=True)
    [seen] = reports.all()
    assert (seen.alive, seen.serves) == (True, False)


def test_a_beat_of_a_worker_that_was_forgotten_says_everything_again(
    reports: WorkerReports,
) -> None:
    reports.beat(REPORT, stopping=False)
    [seen] = reports.all()
    assert seen.report == REPORT


def test_what_was_said_a_day_ago_is_swept_and_nothing_younger(
    reports: WorkerReports, database: Database
) -> None:
    younger = replace(REPORT, report_id=uuid4())
    for report, age in ((REPORT, "25 hours"), (younger, "23 hours")):
        reports.say(report)
        ago(database, report, age)
    reports.sweep()
    assert [seen.report.report_id for seen in reports.all()] == [younger.report_id]


def test_of_a_worker_that_has_ended_it_stays_known_that_it_had_an_agent(
    reports: WorkerReports, database: Database
) -> None:
    Agents(database).register([Registered(name="reported", version="", plan_timeout_ms=1000)])
    reports.say(REPORT)
    reports.forget(REPORT.report_id)
    assert reports.all() == []
    with database.connection() as connection:
        row = connection.execute(
            "select last_seen_on, last_seen_at is not null from agents"
            " where tenant_id = %s and name = 'reported'",
            (EVERYBODY,),
        ).fetchone()
    assert row == ("here", True)


def test_of_a_killed_worker_and_one_that_ended_later_the_later_had_the_agent_last(
    reports: WorkerReports, database: Database
) -> None:
    Agents(database).register([Registered(name="reported", version="", plan_timeout_ms=1000)])
    reports.say(REPORT)
    ago(database, REPORT, "2 hours")
    later = replace(REPORT, report_id=uuid4(), host="there")
    reports.say(later)
    [at] = [seen.seen_at for seen in reports.all() if seen.report == later]
    reports.forget(later.report_id)
    last = Agents(database).seen_last(EVERYBODY)["reported"]
    assert (last.workers, last.at, last.host) == (0, at, "there")
