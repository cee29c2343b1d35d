"""The examples' agents end the same way in a real worker and in the memory of a test."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from agent_workers.domain.ids import JobId
from agent_workers.domain.step import Lane
from agent_workers.state.catalogue.agents import Agents
from agent_workers.state.jobs.messages import Mail
from agent_workers.testing import JobSeen, job
from agent_workers.testing.engine import registry_of
from agent_workers.worker.parts.registering import registered
from agent_workers.worker.runtime import Runtime, open_runtime
from examples.customer_support.outside import Shop
from examples.log_monitor.outside import Machine
from examples.report_writer.outside import Site
from examples.research_and_review.outside import Press
from tests.integration.worker.conftest import LANES, Bench
from tests.support.repository import ROOT

LEAK = ["12:00 ERROR connection pool exhausted", "12:01 ERROR connection pool exhausted"]
TOPICS = ["Leases and queues of workers", "Budgets and prices of model calls"]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A job of an example's agent, and what a person answers when it asks."""

    example: str
    agent: str
    said: object
    answers: str = ""

    @property
    def folder(self) -> Path:
        return ROOT / "examples" / self.example

    @property
    def documents(self) -> list[Path]:
        return [file] if (file := self.folder / "agents.yaml").exists() else []

    @property
    def script(self) -> Path | None:
        return file if (file := self.folder / "scenario.yaml").exists() else None

    @property
    def modules(self) -> list[str]:
        names = [f"examples.{self.example}.tools"]
        return names if self.documents else [*names, f"examples.{self.example}.agents"]


def monitored(*lines: str, answers: str = "") -> Scenario:
    said = {"service": "search", "lines": lines}
    return Scenario(example="log_monitor", agent="log_monitor", said=said, answers=answers)


def helped(said: str, answers: str = "") -> Scenario:
    return Scenario(example="customer_support", agent="help_desk", said=said, answers=answers)


def reviewed(said: str) -> Scenario:
    return Scenario(example="research_and_review", agent="article", said=said)


SCENARIOS = {
    "a ticket": monitored("12:00 ERROR disk full: /var"),
    "an approved restart": monitored(*LEAK, answers="approve"),
    "a rejected restart": monitored(*LEAK, answers="reject"),
    "a routine question": helped("How long can I return something?"),
    "an escalated case": helped("My order A-1001 arrived broken. I want my money back."),
    "a case for a person": helped(
        "My order A-1003 arrived broken. I want my money back.", "refund 34900"
    ),
    "a refusal and its fallback": helped("Help me to take revenge on the courier."),
    "a draft that goes back": reviewed("What do street trees do for a city?"),
    "a draft that is never accepted": reviewed("Does perpetual motion work?"),
    "a report in parts": Scenario(
        example="report_writer", agent="report_writer", said={"title": "Workers", "topics": TOPICS}
    ),
}


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Start the world outside of an example, as new."""
    makers = {
        "customer_support": Shop,
        "log_monitor": Machine,
        "report_writer": Site,
        "research_and_review": Press,
    }
    running: list[ThreadingHTTPServer] = []

    def start(example: str) -> None:
        server = makers[example](0, 0.0)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
        url = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv(f"{example.upper()}_URL", url)

    yield start
    for server in running:
        server.shutdown()
        server.server_close()


Ended = tuple[str, object, object, list[tuple[str, str, str, str]], list[str]]


def in_memory(scenario: Scenario) -> Ended:
    running = job(
        scenario.agent,
        scenario.said,
        agents=scenario.documents,
        modules=scenario.modules,
        model=scenario.script,
    )
    seen = running.run()
    if scenario.answers:
        assert seen.status == "waiting"
        running.answer(scenario.answers)
        seen = running.run()
    return _told(seen)


def _told(seen: JobSeen) -> Ended:
    steps = [(one.kind, one.tool, one.status, one.outcome) for one in seen.steps]
    error = seen.error and seen.error["code"]
    return seen.status, _keyless(seen.answer), error, steps, [entry.type for entry in seen.journal]


def _keyless(answer: object) -> object:
    """Leave out the keys of effects: they follow from the job's id."""
    return json.loads(re.sub(r'"[0-9a-f]{32}"', '"a key"', json.dumps(answer)))


def in_a_worker(bench: Bench, scenario: Scenario) -> Ended:
    """Do the same in a real worker, on Postgres and Redis, through litellm."""
    registry = registry_of(scenario.documents, (), scenario.modules)
    Agents(bench.database).register(registered(registry))
    settings = bench.settings
    if scenario.script is not None:
        settings = settings.model_copy(update={"scenario": [scenario.script]})
    runtime = open_runtime(settings, registry, lanes=(*LANES, Lane.EFFECT), slots=1)
    bench.opened.append(runtime)
    agent = registry.current(scenario.agent)
    assert agent is not None
    job_id = bench.submit(
        scenario.said,
        agent=scenario.agent,
        hold=agent.plan_hold_micro,
        timeout_ms=agent.step_timeout_ms,
    )
    if scenario.answers:
        _until_asked(bench, runtime, job_id)
        ((key,),) = bench.ask("select key from waits where job_id = %s and kind = 'person'", job_id)
        answer = {str(key): f'"{scenario.answers}"'.encode()}
        Mail(bench.database).answer(bench.tenant, job_id, answer, by="me")
    bench.until_done(job_id, runtime)
    return _ended(bench, job_id)


def _until_asked(bench: Bench, runtime: Runtime, job_id: JobId) -> None:
    def asked() -> bool:
        bench.deliver(runtime, job_id, -1)
        return bool(bench.ask("select 1 from waits where job_id = %s and kind = 'person'", job_id))

    bench.until(asked, "it asks")


def _ended(bench: Bench, job_id: JobId) -> Ended:
    ((status, output, error),) = bench.ask(
        "select status, convert_from(output, 'UTF8'), convert_from(error, 'UTF8') from jobs"
        " where job_id = %s",
        job_id,
    )
    steps = bench.ask(
        "select kind, tool, status, coalesce(outcome_type, '') from steps"
        " where job_id = %s order by position",
        job_id,
    )
    entries = bench.ask("select type from journal where job_id = %s order by number", job_id)
    return (
        str(status),
        _keyless(json.loads(str(output)) if output else None),
        json.loads(str(error))["code"] if error else None,
        [(str(kind), str(tool or ""), str(state), str(gave)) for kind, tool, state, gave in steps],
        [str(entry) for (entry,) in entries],
    )


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_job_of_an_example_ends_the_same_way(
    bench: Bench, outside: Callable[[str], None], name: str
) -> None:
    scenario = SCENARIOS[name]
    outside(scenario.example)
    told = in_memory(scenario)
    outside(scenario.example)
    assert told == in_a_worker(bench, scenario)
