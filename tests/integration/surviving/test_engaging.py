"""Jobs that start jobs, send events, ask people and wait, done by real workers."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from agent_workers.domain.ids import JobId
from agent_workers.domain.mail import Letter
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.state.database.engine import Database
from agent_workers.state.jobs.messages import Mail
from tests.support.worker_system import TENANT, System, system, until

AGENTS = "tests.integration.surviving.engaging_agents"


@pytest.fixture(scope="module")
def running(
    database: Database, redis_server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("engaging")
    with system(database, redis_server.url, folder, AGENT_TOOLS=AGENTS) as started:
        started.worker()
        yield started
        started.end_all_jobs()


# Any: an answer of whatever shape the agent gives.
def answer_of(running: System, job: JobId) -> Any:
    until(lambda: running.job(job).finished, f"{job} has ended")
    seen = running.job(job)
    assert seen.error is None, seen.error
    return running.ask(
        "select convert_from(output, 'UTF8')::jsonb from jobs where job_id = %s", job
    )


def error_of(running: System, job: JobId) -> str:
    until(lambda: running.job(job).finished, f"{job} has ended")
    return (running.job(job).error or b"").decode()


def waiting(running: System, job: JobId) -> None:
    until(lambda: running.job(job).status == "waiting", f"{job} waits")


def test_a_parent_gets_the_answers_of_its_children_in_order(running: System) -> None:
    job = running.submit("fan", of="leaf", children=5)
    assert answer_of(running, job) == [1, 2, 3, 4, 5]


def test_a_child_that_fails_is_data_for_its_parent(running: System) -> None:
    job = running.submit("telling-fan", of="unwilling", children=1)
    (told,) = answer_of(running, job)
    assert told["code"] == "child_failed"
    assert "I do not want to" in told["message"]


def test_nobody_starts_jobs_without_end(running: System) -> None:
    job = running.submit("telling-fan", of="telling-fan", children=1)
    told = answer_of(running, job)
    while isinstance(told, list):
        (told,) = told
    assert told["code"] == "too_deep"
    deepest = "select max(depth) from jobs where root_id is not null and agent = 'telling-fan'"
    assert running.ask(deepest) == 3


def test_an_agent_that_is_not_there_is_data(running: System) -> None:
    job = running.submit("telling-fan", of="nobody", children=1)
    assert answer_of(running, job)[0]["code"] == "unknown_agent"


def test_who_takes_over_answers_for_the_job(running: System) -> None:
    assert answer_of(running, running.submit("handing", to="leaf")) == 42
    assert "I do not want to" in error_of(running, running.submit("handing", to="unwilling"))


def test_a_router_hands_over_by_the_first_rule_that_holds(running: System) -> None:
    job = running.submit("router", kind="sum", number=1)
    assert answer_of(running, job) == 2
    assert running.job(job).workflow == "route:leaf"
    asking = running.submit("router", message="please ask")
    waiting(running, asking)
    assert "no route" in error_of(running, running.submit("router", message="nothing fits"))


def test_an_event_of_another_job_ends_a_wait(running: System) -> None:
    listening = running.submit("listener")
    waiting(running, listening)
    telling = running.submit("teller", job_id=listening.hex)
    assert answer_of(running, telling) == [{"number": 1, "taken": True}]
    assert answer_of(running, listening) == [{"name": "news", "data": {"from": telling.hex}}]
    again = running.submit("teller", job_id=listening.hex)
    assert answer_of(running, again)[0]["code"] == "job_has_ended"


def test_nothing_that_comes_in_time_is_data_too(running: System) -> None:
    job = running.submit("listener", patience=0.2)
    assert answer_of(running, job)[0]["code"] == "timed_out"


def test_a_person_s_answer_is_the_result(running: System) -> None:
    job = running.submit("asker")
    waiting(running, job)
    (key,) = [
        one["key"] for one in running.ask("select waiting_for(%s, %s, 1)::jsonb", TENANT, job)
    ]
    Mail(running.database).answer(TENANT, job, {key: b'"yes"'}, by="me")
    assert answer_of(running, job) == [{"answer": "yes"}]


def test_time_passes_without_a_worker(running: System) -> None:
    began = time.monotonic()
    job = running.submit("sleeper", seconds=3.0)
    waiting(running, job)
    assert running.ask("select count(*) from steps where status = 'claimed'") == 0
    assert answer_of(running, job) == [{"waited_seconds": 3.0}]
    assert time.monotonic() - began >= 3.0


def test_a_wait_of_years_stands_in_nobody_s_way(running: System) -> None:
    far = running.submit("sleeper", seconds=9 * 366 * 24 * 3600)
    waiting(running, far)
    assert answer_of(running, running.submit("sleeper", seconds=0.1)) == [{"waited_seconds": 0.1}]
    assert running.job(far).status == "waiting"


def test_children_of_a_parent_that_is_canceled_are_canceled_soon(running: System) -> None:
    job = running.submit("fan", of="sleeper", children=3, seconds=600)
    children = "select count(*) from jobs where parent_id = %s and status = %s"
    until(lambda: running.ask(children, job, "waiting") == 3, "the children wait")
    running.ask("select stop_job(%s, %s, 'canceled', null, 'enough', false)", TENANT, job)
    until(lambda: running.ask(children, job, "canceled") == 3, "they are canceled", 5.0)


def test_an_event_from_outside_is_there_before_anybody_waits(running: System) -> None:
    job = running.submit("listener")
    letter = Letter(tenant_id=TENANT, job_id=job, sender="test", name="news", data=b"1")
    Mail(running.database).send(letter)
    assert answer_of(running, job) == [{"name": "news", "data": 1}]
