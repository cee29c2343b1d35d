"""Real worker processes: a version outlives the worker that began it, and models are there in time."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_workers.domain.ids import JobId, TenantId, time_ordered
from agent_workers.domain.job import Submission
from agent_workers.domain.mail import Letter
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.state.catalogue.agents import Agents
from agent_workers.state.database.engine import Database
from agent_workers.state.jobs.messages import Mail
from agent_workers.state.jobs.reads import JobSeen, Reads
from agent_workers.state.jobs.submissions import Submissions
from tests.integration.agents.conftest import TOOLS, Desk
from tests.integration.agents.test_agents_pinned import WAITING, WHISPERING
from tests.support.worker_system import System, system, until

THINKER = "name: thinker\nmodel: scripted/small\ninstructions: Be exact.\n"


@pytest.fixture
def running(database: Database, redis_server: EmbeddedRedis, tmp_path: Path) -> Iterator[System]:
    with system(database, redis_server.url, tmp_path, AGENT_TOOLS=TOOLS) as started:
        yield started
        started.end_all_jobs()


def submit(database: Database, tenant: TenantId, agent: str, text: str) -> JobId:
    job_id = JobId(time_ordered(time.time_ns() // 1_000_000, os.urandom(10)))
    pace = Agents(database).known(tenant, agent)
    assert pace is not None
    job = Submission(tenant_id=tenant, job_id=job_id, agent=agent, input=json.dumps(text).encode())
    Submissions(database).many([(job, pace)])
    return job_id


def seen(database: Database, tenant: TenantId, job_id: JobId) -> JobSeen:
    job = Reads(database).job(tenant, job_id)
    assert job is not None
    return job


def output(database: Database, tenant: TenantId, job_id: JobId) -> object:
    until(lambda: seen(database, tenant, job_id).finished, "the job has ended")
    job = seen(database, tenant, job_id)
    assert job.output is not None, job.error
    return json.loads(job.output)


def test_a_job_goes_on_in_its_version_after_its_worker_was_killed(
    running: System, desk: Desk, database: Database, tenant: TenantId
):
    desk.apply(WAITING)
    worker = running.worker("first")
    old = submit(database, tenant, "speaker", "Hello")
    until(lambda: seen(database, tenant, old).status.value == "waiting", "it waits")
    worker.kill()
    desk.apply(WHISPERING)
    new = submit(database, tenant, "speaker", "Hello")
    running.worker("second")
    for job_id in (old, new):
        letter = Letter(tenant_id=tenant, job_id=job_id, sender="test", name="go", data=b"null")
        Mail(database).send(letter)
    assert [output(database, tenant, job) for job in (old, new)] == ["HELLO", "hello"]
    assert [seen(database, tenant, job).agent_version for job in (old, new)] == ["1", "2"]


def test_a_worker_has_loaded_what_the_applied_agents_need(
    running: System, desk: Desk, database: Database, tenant: TenantId
):
    assert desk.apply(THINKER).code == 0
    running.worker("thinking", pool="prefork")
    job = submit(database, tenant, "thinker", "Good morning")
    assert output(database, tenant, job) == "echo: Good morning"


def test_a_worker_that_says_something_else_of_a_declared_version_does_not_start(
    running: System, desk: Desk
):
    desk.apply(WAITING.replace("speaker", "twice") + "version: '2'\n")
    program = running.start_worker(
        "other", pool="threads", AGENT_TOOLS="tests.integration.agents.code_v1"
    )
    assert program.process.wait(60) == 2
    assert program.output().strip().splitlines()[-1] == (
        "agent-workers worker: version '2' of agent 'twice' already exists with another"
        " definition: declare another version"
    )
