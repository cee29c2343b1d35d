"""Two workers share a Redis and a database: either may die, and so may the Redis."""

from collections.abc import Sequence

import pytest
from pytest_celery import CeleryTestSetup, CeleryTestWorker

from agent_workers.domain.ids import JobId
from agent_workers.state.jobs.steps import StepSeen
from agent_workers.transport.doorbells.redis_bell import connected
from tests.support.worker_system import System, until

pytestmark = pytest.mark.slow


def test_two_workers_answer_and_share_the_jobs(
    celery_setup: CeleryTestSetup, running: System
) -> None:
    assert celery_setup.ready(control=True)
    until(lambda: len(celery_setup.app.control.ping()) == 2, "both hear")
    jobs = [running.submit(seconds=0.2, rounds=1) for _ in range(8)]
    running.wait_for(*jobs)
    assert {step.fence for step in steps_of(running, jobs)} == {1}
    pids = [holder for worker in celery_setup.worker_cluster for holder in pids_of(running, worker)]
    assert len(pids) >= 2


def test_when_the_busy_worker_is_killed_the_other_resumes_its_job(
    celery_setup: CeleryTestSetup, running: System
) -> None:
    job = running.submit(seconds=2.0, rounds=1)
    pid = running.held(job)
    busy = next(one for one in celery_setup.worker_cluster if one.container.program.owns(pid))
    busy.kill()
    running.wait_for(job)
    [tool] = [step for step in running.steps(job) if step.kind == "tool"]
    assert (tool.status, tool.fence, tool.deaths) == ("done", 2, 1)
    told = [(event.type, event.number) for event in running.journal(job)]
    assert [kind for kind, _ in told].count("step.recovered") == 1, told
    assert [kind for kind, _ in told].count("succeeded") == 1, told
    waited = running.ask(
        "select extract(epoch from b.claimed_at - a.done_at)::float8 from steps a"
        " join steps b using (tenant_id, job_id)"
        " where job_id = %s and a.position = 0 and b.position = 1",
        job,
    )
    assert waited < 20  # its lease would have held for a minute


@pytest.mark.parametrize("blow", ["SIGTERM", "SIGKILL"])
def test_jobs_and_workers_outlive_the_redis_between_them(
    celery_setup: CeleryTestSetup, running: System, blow: str
) -> None:
    jobs = [running.submit(seconds=0.3, rounds=3) for _ in range(6)]
    until(lambda: any(running.holder(job) for job in jobs), "jobs are under way")
    celery_setup.broker.kill(signal=blow)
    jobs += [running.submit(seconds=0.1, rounds=1) for _ in range(2)]
    celery_setup.broker.restart()
    jobs += [running.submit(seconds=0.1, rounds=1) for _ in range(2)]
    running.wait_for(*jobs)
    assert [worker.container.status for worker in celery_setup.worker_cluster] == ["running"] * 2
    assert {step.fence for step in steps_of(running, jobs)} == {1}
    until(lambda: len(celery_setup.app.control.ping()) == 2, "both hear again")


def test_a_redis_that_forgets_everything_loses_no_job(
    celery_setup: CeleryTestSetup, running: System
) -> None:
    jobs = [running.submit(seconds=0.2, rounds=1) for _ in range(16)]
    redis = connected(celery_setup.broker.config()["host_url"])
    until(lambda: any(running.holder(job) for job in jobs), "jobs are under way")
    redis.flushall()
    redis.close()
    running.wait_for(*jobs)
    assert {step.fence for step in steps_of(running, jobs)} == {1}


def pids_of(running: System, worker: CeleryTestWorker) -> list[int]:
    """The processes of this worker that have made themselves known."""
    return [pid for pid in running.worker_pids() if worker.container.program.owns(pid)]


def steps_of(running: System, jobs: Sequence[JobId]) -> list[StepSeen]:
    return [step for job in jobs for step in running.steps(job)]
