"""Jobs that remember and recall by the built-in tools, in a worker's own parts, with real vectors."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from agent_workers.domain.ids import MEMORY_ID, JobId, to_wire
from agent_workers.domain.job import Submission
from agent_workers.state.jobs.submissions import Pace, Submissions
from agent_workers.state.memories.rows import MemoryRows, Which
from agent_workers.worker.chores import Chore
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


def of_user(bench: Bench, user: str, *calls: list[object]) -> list[dict[str, Any]]:
    job = JobId(uuid4())
    wish = json.dumps({"rounds": [list(calls)]}).encode()
    submission = Submission(
        tenant_id=bench.tenant, job_id=job, agent="armed", input=wish, user_id=user
    )
    Submissions(bench.database).many([(submission, Pace(plan_timeout_ms=2_000, plan_hold_micro=0))])
    bench.until_done(job, bench.runtime(module=tool_agents.__name__))
    output = bench.output(job)
    assert isinstance(output, list)
    return output


def test_what_one_user_taught_is_recalled_for_no_other(bench: Bench) -> None:
    of_user(bench, "ann", ["remember", {"content": "Ann's safe opens with 31-4-15."}])
    ask: list[object] = ["recall", {"query": "Ann's safe opens with 31-4-15."}]
    [ann], [bob], [nobody] = (of_user(bench, user, ask) for user in ("ann", "bob", ""))
    assert [len(found["notes"]) for found in (ann, bob, nobody)] == [1, 0, 0]


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
    [memory] = MemoryRows(bench.database).page(bench.tenant, Which(history=True), limit=9).rows
    assert {MEMORY_ID.read(one["id"]) for one in told} == {memory.memory_id}
    assert sorted(one["status"] for one in told) == ["known"] * 11 + ["remembered"]


def test_a_keeper_deletes_what_is_past_its_time_once_a_minute(bench: Bench) -> None:
    done(bench, [["remember", {"content": "Lunch is at one.", "days": 1}]])
    bench.ask_nothing("update memories set expires_at = now()")
    now = [0.0]
    rows = MemoryRows(bench.database)
    keeper = Chore(lambda: rows.forget_expired(most=9) == 9, every_s=60, clock=lambda: now[0])
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
