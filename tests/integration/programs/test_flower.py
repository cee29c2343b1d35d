"""Flower as an operator meets it: behind its password, read-only, and with every step in its chain."""

from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest

from agent_workers.domain.ids import JobId, to_wire
from agent_workers.embedded.ports import LOOPBACK, free_port
from tests.support.worker_system import Program, System, until

pytestmark = pytest.mark.slow

PASSWORD = "tulips and daffodils"


@pytest.fixture
def url(running: System) -> str:
    port = free_port()
    running.variables |= {"AGENT_FLOWER_PORT": str(port), "AGENT_FLOWER_PASSWORD": PASSWORD}
    return f"http://{LOOPBACK}:{port}"


@pytest.fixture
def flower(running: System, url: str) -> Program:
    program = running.start("flower", "agent_workers.worker.programs.flower")
    until(lambda: answers(url) or not program.is_alive, "Flower answers")
    assert program.is_alive, program.output()
    return program


@pytest.fixture
def client(flower: Program, url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, auth=("admin", PASSWORD)) as client:
        until(lambda: "Connected to" in flower.output(), "Flower listens to workers")
        yield client


def test_flower_shows_nothing_without_its_password_and_changes_nothing_with_it(
    flower: Program, client: httpx.Client, url: str
) -> None:
    for page in ("/", "/api/workers", "/api/tasks", "/metrics"):
        assert httpx.get(url + page).status_code == 401, page
        assert httpx.get(url + page, auth=("admin", "guess")).status_code == 401, page
        assert client.get(page).status_code == 200, page
    assert client.post("/api/worker/shutdown/celery@tool").status_code == 403
    listening = [
        wire.laddr.ip
        for wire in psutil.Process(flower.pid).net_connections()
        if wire.status == psutil.CONN_LISTEN
    ]
    assert listening == [LOOPBACK]
    assert PASSWORD not in " ".join(psutil.Process(flower.pid).cmdline())


def test_with_split_lanes_flower_shows_every_step_with_its_job_and_its_parent(
    running: System, client: httpx.Client
) -> None:
    running.worker("model", lanes="plan,evaluate")
    running.worker("tool", lanes="tool")
    job = undisturbed(running)
    until(lambda: len(ended(client, job)) == 3, "Flower has seen three tasks")
    tasks = ended(client, job)
    names = [f"{kind} {to_wire(job)}#{n}" for n, kind in enumerate(("plan", "tool", "evaluate"))]
    assert [task["name"] for task in tasks] == names
    assert [task["parent_id"] for task in tasks] == [None, tasks[0]["uuid"], tasks[1]["uuid"]]
    assert [task["uuid"] for task in tasks] == [step.task_id for step in running.steps(job)]
    workers = ["celery@model", "celery@tool", "celery@model"]
    assert [task["worker"] for task in tasks] == workers
    assert online(client) == {"celery@model": True, "celery@tool": True}
    metrics = client.get("/metrics").text
    assert 'flower_events_total{task="evaluate",type="task-succeeded"' in metrics
    assert job.hex not in metrics


def undisturbed(running: System) -> JobId:
    """Do a job each of whose steps was done by the task that was sent for it.

    A worker that stalls is rung for twice, and one that was rung in vain takes the next step it finds.
    """
    for _ in range(5):
        job = running.submit(seconds=0.05, rounds=1)
        running.wait_for(job)
        if each_by_its_own_task(running, job) and not rung_again(running, job):
            return job
    raise AssertionError("every job was rung for again")


def each_by_its_own_task(running: System, job: JobId) -> bool:
    return all(
        (step.task_id or "").startswith(f"{job.hex}-{step.position}-")
        for step in running.steps(job)
    )


def rung_again(running: System, job: JobId) -> bool:
    with running.database.connection() as connection:
        row = connection.execute(
            "select max(rings) > 0 from steps where job_id = %s", (job,)
        ).fetchone()
    return bool(row and row[0])


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthcheck").status_code == 200
    except httpx.HTTPError:
        return False


def ended(client: httpx.Client, job: JobId) -> list[dict[str, Any]]:
    """The tasks whose root is this job, in the order of its steps."""
    tasks: dict[str, dict[str, Any]] = client.get("/api/tasks").json()
    own = [t for t in tasks.values() if t["root_id"] == job.hex and t["state"] == "SUCCESS"]
    return sorted(own, key=lambda task: str(task["args"]))


def online(client: httpx.Client) -> dict[str, bool]:
    seen: list[dict[str, Any]] = client.get("/workers", params={"json": 1}).json()["data"]
    return {worker["hostname"]: worker["status"] for worker in seen}


def test_flower_ends_without_a_word_about_the_number_of_a_signal(
    flower: Program, client: httpx.Client
) -> None:
    client.get("/")
    assert flower.end() == 0
    assert "shutting down" not in flower.output()
