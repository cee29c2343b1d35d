"""Conversations outlive their workers, and Redis: each job once, in its order, nothing unsaid."""

import json
from uuid import uuid4

import pytest
from redis import Redis

from agent_workers.domain.ids import JobId
from agent_workers.domain.job import Submission
from agent_workers.state.jobs.submissions import Pace, Submissions
from tests.integration.state.invariants import broken
from tests.support.worker_system import READY_S, TENANT, System, until

pytestmark = pytest.mark.slow


def submit(running: System, session: str, said: str) -> JobId:
    job_id = JobId(uuid4())
    wish = {"seconds": 0.2, "rounds": 1, "said": said}
    submission = Submission(
        tenant_id=TENANT,
        job_id=job_id,
        agent="napping",
        input=json.dumps(wish).encode(),
        session_id=session,
    )
    pace = Pace(plan_timeout_ms=60_000, plan_hold_micro=0)
    Submissions(running.database).many([(submission, pace)])
    running.ring(job_id)
    return job_id


def ended(running: System) -> int:
    return int(running.ask("select count(*) from jobs where finished_at is not null"))


def test_jobs_of_sessions_go_on_in_their_order_when_a_worker_is_killed(
    running: System,
) -> None:
    doomed = running.start_worker("talk-1", pool="threads")
    running.worker("talk-2")
    until(lambda: " ready." in doomed.output(), "both are ready", READY_S)
    sessions: dict[str, list[JobId]] = {name: [] for name in ("a", "b", "c")}
    for number in range(4):
        for name, jobs in sessions.items():
            jobs.append(submit(running, name, f"{name}{number}"))
    until(lambda: ended(running) >= 2, "some jobs have ended")
    doomed.kill()
    Redis.from_url(running.broker_url).flushall()
    for jobs in sessions.values():
        running.wait_for(*jobs)
    assert broken(running.database) == {}
    for name, jobs in sessions.items():
        assert told(running, name) == [
            (role, job, f"{name}{number}" if role == "user" else "")
            for number, job in enumerate(jobs)
            for role in ("user", "assistant")
        ]
        assert began_in_turn(running, name) == jobs


def told(running: System, session: str) -> list[tuple[str, JobId, str]]:
    """Return who said what in which job, as the session keeps it."""
    sql = (
        "select role, job_id, content from session_messages where session_id = %s"
        " order by turn, part"
    )
    with running.database.connection() as connection:
        rows = connection.execute(sql, (session,)).fetchall()
    return [
        (role, JobId(job), json.loads(content)["said"] if role == "user" else "")
        for role, job, content in rows
    ]


def began_in_turn(running: System, session: str) -> list[JobId]:
    """Return the jobs in the order in which they began; none began before the last one ended."""
    sql = (
        "select job_id, started_at >= coalesce(lag(finished_at) over (order by started_at),"
        " '-infinity') from jobs where session_id = %s order by started_at"
    )
    with running.database.connection() as connection:
        rows = connection.execute(sql, (session,)).fetchall()
    assert all(after for _, after in rows)
    return [JobId(job) for job, _ in rows]
