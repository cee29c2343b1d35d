"""Conversations outlive their workers, and Redis: each job once, in its order, nothing unsaid."""

import json
from uuid import uuid4

import pytest
from redis import Redis

from agent_workers.domain.ids import JobId
from agent_workers.domain.job import Submission
from agent_workers.state.submissions import Pace, Submissions
from tests.integration.state.invariants import broken
from tests.integration.worker_system import READY_S, TENANT, System, until

pytestmark = pytest.mark.slow


def submit(running: System, session: str) -> JobId:
    job_id = JobId(uuid4())
    submission = Submission(
        tenant_id=TENANT,
        job_id=job_id,
        agent="napping",
        input=b'{"seconds": 0.2, "rounds": 1}',
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
    for _ in range(4):
        for name, jobs in sessions.items():
            jobs.append(submit(running, name))
    until(lambda: ended(running) >= 2, "some jobs have ended")
    doomed.kill()
    Redis.from_url(running.broker_url).flushall()
    for jobs in sessions.values():
        running.wait_for(*jobs)
    assert broken(running.database) == {}
    said = running.ask(
        "select json_object_agg(session_id, roles) from (select session_id,"
        " array_agg(role order by turn, part) as roles from session_messages group by 1) t"
    )
    kept = said if isinstance(said, dict) else json.loads(said)
    assert kept == {name: ["user", "assistant"] * 4 for name in sessions}
