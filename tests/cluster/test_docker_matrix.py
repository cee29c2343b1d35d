"""The same two workers on every broker release that we support, each in a container of its own."""

import pytest
from pytest_celery import (
    CELERY_RABBITMQ_BROKER,
    CELERY_REDIS_BROKER,
    CeleryTestBroker,
    CeleryTestSetup,
)

from tests.support.worker_system import System, until

pytestmark = [pytest.mark.docker, pytest.mark.slow]

IMAGES = {
    "redis:6.2": CELERY_REDIS_BROKER,
    "redis:7.4": CELERY_REDIS_BROKER,
    "redis:8": CELERY_REDIS_BROKER,
    "rabbitmq:3.13": CELERY_RABBITMQ_BROKER,
    "rabbitmq:4": CELERY_RABBITMQ_BROKER,
}


@pytest.fixture(params=IMAGES)
def image(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def default_redis_broker_image(image: str) -> str:
    return image


@pytest.fixture
def default_rabbitmq_broker_image(image: str) -> str:
    return image


@pytest.fixture
def celery_broker(
    docker_engine: None,  # noqa: ARG001 (asked for first: without it there are no containers)
    image: str,
    request: pytest.FixtureRequest,
) -> CeleryTestBroker:
    return request.getfixturevalue(IMAGES[image])


def test_jobs_end_though_a_worker_is_killed(celery_setup: CeleryTestSetup, running: System) -> None:
    jobs = [running.submit(seconds=0.5, rounds=2) for _ in range(4)]
    until(lambda: running.holder(jobs[0]), "the first job is under way")
    celery_setup.worker.kill()
    running.wait_for(*jobs)
    assert {step.status for job in jobs for step in running.steps(job)} == {"done"}
