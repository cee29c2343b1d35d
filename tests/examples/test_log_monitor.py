"""The log monitor: an event starts it, a person decides, and a restart happens once."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from agent_workers.client.client import Job
from tests.acceptance.systems import wait_until
from tests.examples.running import EFFECT_WORKER, Json, Running

LEAK = ["12:00 ERROR connection pool exhausted", "12:01 INFO retry"]


@pytest.fixture(scope="module")
def trigger(examples: Running) -> Iterator[Json]:
    made = examples.client.triggers.create(
        name="alarms",
        agent="log_monitor",
        types=["log.alarm"],
        where=["data.level == 'error'"],
        input={"service": "${data.service}", "lines": "${data.lines}"},
    )
    yield made
    examples.client.triggers.delete(made["id"])


def alarm(examples: Running, service: str, lines: list[str]) -> Job:
    """Send an event, as a log shipper does; return the job that it starts."""
    data = {"service": service, "level": "error", "lines": lines}
    event = {"specversion": "1.0", "id": uuid4().hex, "source": "/logs", "type": "log.alarm"}
    receipt = examples.client.triggers.send(event | {"data": data})
    (started,) = receipt["jobs"]
    return examples.client.get(started["job_id"])


def restarts(examples: Running, service: str) -> int:
    counted = examples.outside("log_monitor")["restarts"]
    return sum(one["service"] == service for one in counted)


def tickets(examples: Running, service: str) -> list[str]:
    counted = examples.outside("log_monitor")["tickets"]
    return [one["subject"] for one in counted if one["service"] == service]


@pytest.mark.usefixtures("trigger")
def test_what_a_restart_would_not_mend_becomes_a_ticket_at_once(examples: Running):
    job = examples.wait(alarm(examples, "store", ["12:00 ERROR disk full: /var"]))
    assert job.output["outcome"] == "file_ticket", job.error
    assert tickets(examples, "store") == ["the disk is full (disk full: /var)"]


@pytest.mark.usefixtures("trigger")
def test_what_a_person_rejects_is_not_restarted_but_told(examples: Running):
    job = alarm(examples, "search", LEAK)
    examples.client.answer(job.id, {examples.question(job)["key"]: "reject"})
    assert examples.wait(job).output["outcome"] == "file_ticket"
    assert (restarts(examples, "search"), len(tickets(examples, "search"))) == (0, 1)


@pytest.mark.usefixtures("trigger")
def test_an_approved_restart_happens_once_though_its_worker_is_killed(examples: Running):
    job = alarm(examples, "checkout", LEAK)
    assert restarts(examples, "checkout") == 0
    examples.client.answer(job.id, {examples.question(job)["key"]: "approve"})
    wait_until(lambda: restarts(examples, "checkout") == 1, "the restart")
    examples.crash(EFFECT_WORKER)
    ended = examples.wait(job)
    assert ended.output["outcome"] == "restart_service", ended.error
    assert examples.was_recovered(job)
    assert (restarts(examples, "checkout"), tickets(examples, "checkout")) == (1, [])
    again = examples.wait(alarm(examples, "checkout", LEAK))
    assert again.output == {"outcome": "healthy"}
