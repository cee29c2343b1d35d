"""The whole path on RabbitMQ: jobs outlive their workers and their broker, and end once."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_workers.state.database.engine import Database
from tests.support.rabbitmq_server import RabbitMQ
from tests.support.worker_system import System, system, until

pytestmark = [pytest.mark.rabbitmq, pytest.mark.slow]


@pytest.fixture(scope="module")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    with RabbitMQ(tmp_path_factory.mktemp("rabbitmq")) as node:
        yield node


@pytest.fixture
def on_rabbitmq(database: Database, rabbitmq: RabbitMQ, tmp_path: Path) -> Iterator[System]:
    with system(database, rabbitmq.url, tmp_path) as started:
        yield started
        started.end_all_jobs()


def test_split_lanes_hop_by_message_and_every_job_ends_once(on_rabbitmq: System) -> None:
    on_rabbitmq.worker("model", lanes="plan,evaluate")
    on_rabbitmq.worker("tool", lanes="tool", pool="prefork")
    jobs = [on_rabbitmq.submit(seconds=0.05, rounds=2) for _ in range(10)]
    on_rabbitmq.wait_for(*jobs)
    for job in jobs:
        steps = on_rabbitmq.steps(job)
        assert [step.fence for step in steps] == [1] * 6
        assert all(step.task_id for step in steps)


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_jobs_outlive_a_killed_worker_and_a_killed_node(
    on_rabbitmq: System, rabbitmq: RabbitMQ, pool: str
) -> None:
    workers = [on_rabbitmq.worker(name, pool=pool) for name in ("first", "second")]
    jobs = [on_rabbitmq.submit(seconds=0.3, rounds=6) for _ in range(4)]
    until(lambda: all(len(on_rabbitmq.steps(job)) > 1 for job in jobs), "all are under way")
    pid = on_rabbitmq.held(jobs[0])
    dying = next(worker for worker in workers if worker.owns(pid))
    os.killpg(dying.pid, signal.SIGKILL)
    rabbitmq.kill()
    rabbitmq.start()
    later = [on_rabbitmq.submit(seconds=0.05, rounds=1) for _ in range(4)]
    on_rabbitmq.wait_for(*jobs, *later, patience_s=25)
    staying = next(worker for worker in workers if worker is not dying)
    assert staying.is_alive
    steps = [step for job in jobs for step in on_rabbitmq.steps(job)]
    assert len(steps) == 4 * 18
    assert max(step.fence for step in steps) == 2
    assert staying.end() == 0
