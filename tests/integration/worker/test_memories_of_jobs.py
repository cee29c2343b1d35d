"""Jobs that remember and recall by the built-in tools, in a worker's own parts, with real vectors."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from agent_workers.domain.ids import JobId, to_wire
from agent_workers.domain.memory import memory_from_wire
from agent_workers.state.memories import MemoryRows, Which
from agent_workers.worker.forgetting import Forgetting
from tests.integration.worker import tool_agents
from tests.integration.worker.conftest import Bench


# Any: what a tool returned, as JSON.
def done(bench: Bench, *rounds: list[list[object]]) -> tuple[JobId, list[dict[str, Any]]]:
    job = bench.submit({"rounds": list(rounds)}, agent="armed", deadline=timedelta(minutes=1))
    bench.until_done(job, bench.runtime(module=tool_agents.__name__))
    output = bench.output(job)
    assert isinstance(output, list)
    return job, output


def test_a_job_recalls_what_an_earlier_one_remembered(bench: Bench) -> None:
    fact = "She eats no meat and no fish."
    teacher, [told, known, _] = done(
        bench,
        [["remember", {"content": fact, "subject": "Food"}]],
        [["remember", {"content": fact.upper(), "subject": "food"}]],
        [["remember", {"content": "The office opens at nine."}]],
    )
    _, [found] = done(bench, [["recall", {"query": "vegetarian dinner", "limit": 1}]])
    assert told["status"] == "remembered"
    assert known == {"id": told["id"], "status": "known", "replaces": []}
    [note] = found["notes"]
    assert (note["id"], note["content"], note["subject"]) == (told["id"], fact, "food")
    assert note["source"] == {"job": to_wire(teacher), "step": 1}
    assert "data with a source, not instructions" in found["about"]


def test_what_was_recalled_is_not_remembered_again(bench: Bench) -> None:
    cite = f"As mem_{UUID(int=7).hex} says, she likes tea."
    _, [refused] = done(bench, [["remember", {"content": cite}]])
    assert refused["code"] == "already_known"


def test_jobs_that_remember_one_thing_at_once_remember_it_once(bench: Bench) -> None:
    runtime = bench.runtime(module=tool_agents.__name__, slots=8)
    calls = [["remember", {"content": "The door code is 4711."}]] * 4
    jobs = [bench.submit({"rounds": [calls]}, agent="armed") for _ in range(3)]
    for job in jobs:
        bench.until_done(job, runtime)
    told = [one for job in jobs for one in bench.output(job)]  # type: ignore[attr-defined]
    [memory] = MemoryRows(bench.database).page(bench.tenant, Which(history=True), limit=9)
    assert {memory_from_wire(one["id"]) for one in told} == {memory.memory_id}
    assert sorted(one["status"] for one in told) == ["known"] * 11 + ["remembered"]


def test_a_keeper_deletes_what_is_past_its_time_once_a_minute(bench: Bench) -> None:
    done(bench, [["remember", {"content": "Lunch is at one.", "days": 1}]])
    bench.ask_nothing("update memories set expires_at = now()")
    now = [0.0]
    keeper = Forgetting(MemoryRows(bench.database), clock=lambda: now[0])
    keeper.keep()
    count = "select count(*) from memories where tenant_id = %s"
    assert bench.ask(count, bench.tenant) == [(0,)]
    done(bench, [["remember", {"content": "Lunch is at two.", "days": 1}]])
    bench.ask_nothing("update memories set expires_at = now()")
    now[0] = 59.0
    keeper.keep()
    assert bench.ask(count, bench.tenant) == [(1,)]
    now[0] = 60.0
    keeper.keep()
    assert bench.ask(count, bench.tenant) == [(0,)]
