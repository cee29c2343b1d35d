"""Reads what became of judged jobs, and answers their questions as a person would."""

import json
from collections.abc import Mapping

from agent_workers.domain.ids import JobId
from agent_workers.state.jobs.messages import Mail
from agent_workers.worker.runtime import Runtime
from tests.integration.worker.conftest import Bench

ENDED = {"succeeded", "failed", "canceled"}


def ended(bench: Bench, job: JobId, runtime: Runtime) -> str:
    bench.until_done(job, runtime)
    return bench.status(job)


def error(bench: Bench, job: JobId) -> tuple[str, str]:
    (written,) = bench.ask("select error from jobs where job_id = %s", job)[0]
    assert isinstance(written, bytes)
    told = json.loads(written)
    return told["code"], told["message"]


def degraded(bench: Bench, job: JobId) -> list[str]:
    (told,) = bench.ask("select degraded from jobs where job_id = %s", job)[0]
    assert isinstance(told, list)
    return told


def kinds(bench: Bench, job: JobId) -> list[str]:
    rows = bench.ask("select kind from steps where job_id = %s order by position", job)
    return [str(kind) for (kind,) in rows]


def verdicts(bench: Bench, job: JobId) -> list[tuple[str, str, str]]:
    """Give the verdicts of the journal: each with who said it and why."""
    completed = events(bench, job, "step.completed")
    judged = [event for event in completed if "verdict" in event]
    return [(str(e["verdict"]), str(e["by"]), str(e.get("reason", ""))) for e in judged]


def events(bench: Bench, job: JobId, type_: str) -> list[Mapping[str, object]]:
    rows = bench.ask(
        "select data from journal where job_id = %s and type = %s order by number", job, type_
    )
    return [json.loads(data) for (data,) in rows if isinstance(data, bytes)]


def model_calls(bench: Bench, job: JobId) -> int:
    (course,) = bench.ask("select course from jobs where job_id = %s", job)[0]
    told = json.loads(str(course or "{}"))
    calls = told.get("model_calls", 0)
    assert isinstance(calls, int)
    return calls


def person_says(bench: Bench, job: JobId, runtime: Runtime, answer: str) -> None:
    """Wait for the job's question and answer it."""

    def asked() -> list[tuple[object, ...]]:
        bench.deliver(runtime, job, -1)
        return bench.ask("select key from waits where job_id = %s and kind = 'person'", job)

    bench.until(asked, "nobody was asked")
    ((key,),) = asked()
    Mail(bench.database).answer(
        bench.tenant, job, {str(key): json.dumps(answer).encode()}, by="a person"
    )
