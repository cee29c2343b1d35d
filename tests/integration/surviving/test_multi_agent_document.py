"""What docs/multi-agent.md says works as it stands there."""

import re
from collections.abc import Iterator

import pytest

from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.state.database.engine import Database
from agent_workers.state.jobs.messages import Mail
from tests.integration.surviving.test_engaging import answer_of, waiting
from tests.support.repository import ROOT
from tests.support.worker_system import TENANT, System, system, until

PAGE = ROOT / "docs/multi-agent.md"


@pytest.fixture(scope="module")
def running(
    database: Database, redis_server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("document")
    (block,) = re.findall(r"```python\n(.+?)```", PAGE.read_text(), re.DOTALL)
    (folder / "team.py").write_text(block)
    given = {"AGENT_TOOLS": "team", "PYTHONPATH": str(folder)}
    with system(database, redis_server.url, folder, **given) as started:
        started.worker()
        yield started
        started.end_all_jobs()


def test_an_editor_shares_out_its_topics(running: System) -> None:
    job = running.submit("editor", allowance=100_000, topics=["owls", "newts"])
    assert answer_of(running, job) == ["all about owls", "all about newts"]


def test_a_front_desk_hands_over_by_rule(running: System) -> None:
    assert answer_of(running, running.submit("front_desk", topic="owls")) == "all about owls"
    several = running.submit("front_desk", topics=["a", "b"])
    assert answer_of(running, several) == ["all about a", "all about b"]


def test_a_publisher_asks_waits_and_hears_of_the_printers(running: System) -> None:
    job = running.submit("publisher")
    waiting(running, job)
    Mail(running.database).answer(TENANT, job, {"question_1": b'"yes"'}, by="me")
    listens = "select count(*) from waits where job_id = %s and kind = 'event'"
    until(lambda: running.ask(listens, job), "it waits for the printers")
    assert answer_of(running, running.submit("printer", job_id=job.hex))["taken"] is True
    told = [
        {"answer": "yes"},
        {"waited_seconds": 1.0},
        {"name": "printed", "data": {"copies": 100}},
    ]
    assert answer_of(running, job) == told
