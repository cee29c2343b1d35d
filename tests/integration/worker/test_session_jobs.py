"""What jobs see of their session: by function and by model, summed up, with Redis and without."""

import json
import tracemalloc
from pathlib import Path
from uuid import uuid4

import pytest
from redis import Redis

from agent_workers.domain.ids import JobId, WorkerId
from agent_workers.domain.job import Submission
from agent_workers.domain.memory.session import SessionTerms
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.state.jobs.submissions import Pace, Submissions
from agent_workers.state.sessions.rows import Sessions
from agent_workers.state.steps.claims import Claims
from agent_workers.worker.runtime import Runtime
from tests.integration.worker.conftest import Bench

SCRIPT = Path(__file__).with_name("sessions.yaml")
FEW = {"session_messages": 4, "scenario": (SCRIPT,)}


@pytest.fixture
def runtime(bench: Bench) -> Runtime:
    bench.settings = bench.settings.model_copy(update=FEW)
    return bench.runtime(module="tests.integration.worker.session_agents")


def submit(
    bench: Bench, words: str, *, agent: str = "recaller", session: str = "s", user: str = ""
) -> JobId:
    job = Submission(
        tenant_id=bench.tenant,
        job_id=JobId(uuid4()),
        agent=agent,
        input=json.dumps(words).encode(),
        session_id=session,
        user_id=user,
    )
    hold = 0 if agent == "recaller" else 10_000
    Submissions(bench.database).many([(job, Pace(plan_timeout_ms=2_000, plan_hold_micro=hold))])
    return job.job_id


def done(bench: Bench, runtime: Runtime, words: str, **asked: str) -> object:
    job = submit(bench, words, **asked)
    bench.until_done(job, runtime)
    return bench.output(job)


def seen(bench: Bench, runtime: Runtime, words: str) -> list[str]:
    said = done(bench, runtime, words)
    assert isinstance(said, list)
    return said


def kinds(bench: Bench, job: JobId) -> list[object]:
    sql = "select outcome_type from steps where job_id = %s order by position"
    return [row[0] for row in bench.ask(sql, job)]


def test_a_planner_sees_what_was_said_before_its_turn_and_nothing_else(
    bench: Bench, runtime: Runtime
) -> None:
    first, second, third = (submit(bench, words) for words in ("one", "two", "three"))
    for job in (first, second, third):
        bench.until_done(job, runtime)
    assert bench.output(first) == []
    assert bench.output(second) == ["user one", "assistant []"]
    # Four messages fit: the answer to the second job is one of them.
    assert bench.output(third) == [
        *("user one", "assistant []"),
        *("user two", 'assistant ["user one", "assistant []"]'),
    ]
    assert done(bench, runtime, "alone", session="") == []


def test_nobody_sees_what_another_user_said_in_a_session_of_the_same_name(
    bench: Bench, runtime: Runtime
) -> None:
    assert done(bench, runtime, "my secret", user="ann") == []
    assert done(bench, runtime, "tell me", user="bob") == []
    assert done(bench, runtime, "go on", user="ann") == ["user my secret", "assistant []"]


def test_without_redis_and_after_it_was_emptied_jobs_see_the_same(
    bench: Bench, runtime: Runtime, redis_server: EmbeddedRedis
) -> None:
    done(bench, runtime, "one")
    before = ["user one", "assistant []"]
    assert seen(bench, runtime, "two") == before
    Redis.from_url(redis_server.url).flushall()
    assert seen(bench, runtime, "three")[:2] == before


def test_a_copy_of_what_was_cleared_is_never_read_again(bench: Bench, runtime: Runtime) -> None:
    done(bench, runtime, "one")
    done(bench, runtime, "two")
    bench.ask("select clear_session(%s, 's')", bench.tenant)
    assert done(bench, runtime, "three") == []


def test_a_huge_or_strange_message_is_cut_and_shown_as_far_as_it_can_be(
    bench: Bench, runtime: Runtime
) -> None:
    done(bench, runtime, "x" * 900_000)
    huge, _ = seen(bench, runtime, "half a pair \ud800 and \x00 nothing")
    assert huge.startswith("user xxx")
    assert huge.endswith("(cut)")
    assert len(huge) < 21_000
    assert seen(bench, runtime, "what now")[-2] == "user half a pair ? and \x00 nothing"


def test_what_is_too_deep_or_too_long_a_number_to_be_read_is_shown_as_it_is(
    bench: Bench, runtime: Runtime
) -> None:
    odd = ["[" * 5_000 + "]" * 5_000, "9" * 5_000]
    said = "select add_message(%s, 's', '', 60, gen_random_uuid(), 'user', %s, null, '')"
    for one in odd:
        bench.ask(said, bench.tenant, one.encode())
    assert seen(bench, runtime, "and now") == [f"user {one}" for one in odd]


def test_calls_as_long_as_books_are_not_even_read(bench: Bench) -> None:
    call = json.dumps([{"id": "c", "name": "add", "arguments": "x" * 1_000_000}])
    said = "select add_message(%s, 's', '', 60, gen_random_uuid(), 'assistant', '\"\"', %s, '')"
    for _ in range(10):
        bench.ask(said, bench.tenant, call.encode())
    job = submit(bench, "go on")
    claimed = Claims(bench.database, WorkerId(uuid4())).named(bench.tenant, job, 0)
    assert claimed is not None
    tracemalloc.start()
    try:
        Sessions(bench.database, SessionTerms()).past(claimed)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_model_is_shown_the_conversation_as_its_own(bench: Bench, runtime: Runtime) -> None:
    assert done(bench, runtime, "good day", agent="talker") == "hello"
    assert done(bench, runtime, "good day", agent="talker") == "hello again"


def test_what_no_longer_fits_is_summed_up_in_a_step_of_its_own_once(
    bench: Bench, runtime: Runtime
) -> None:
    for words in ("of ships", "and more", "and more"):
        done(bench, runtime, words, agent="talker")
    job = submit(bench, "what did we speak of", agent="talker")
    bench.until_done(job, runtime)
    assert kinds(bench, job) == ["summarised", "planned", "judged"]
    assert bench.output(job) == "of what was summed up"
    summary = bench.ask(
        "select summary, summed_to from sessions where session_id = 's' and tenant_id = %s",
        bench.tenant,
    )[0]
    assert isinstance(summary[0], bytes)
    assert json.loads(summary[0])["summary"] == "they spoke of ships"
    assert (json.loads(summary[0])["first"], summary[1]) == (1, 2)
    rest = submit(bench, "and now", agent="talker")
    bench.until_done(rest, runtime)
    assert kinds(bench, rest) == ["planned", "judged"]


def test_a_conversation_that_cannot_be_summed_up_is_trimmed(bench: Bench, runtime: Runtime) -> None:
    for words in ("of secrets", "and more", "and more"):
        done(bench, runtime, words, agent="talker")
    job = submit(bench, "and now", agent="talker")
    bench.until_done(job, runtime)
    assert kinds(bench, job) == ["summarised", "planned", "judged"]
    assert bench.output(job) == "so many words"
    assert bench.ask("select summary from sessions where tenant_id = %s", bench.tenant) == [(None,)]


def test_who_plans_it_all_answers_in_a_session_too(bench: Bench, runtime: Runtime) -> None:
    assert done(bench, runtime, "one", agent="planner") == "planned"
    assert done(bench, runtime, "two", agent="planner") == "planned"


def test_jobs_of_a_session_run_in_their_order_though_each_worker_dies_once(
    bench: Bench, runtime: Runtime
) -> None:
    jobs = [submit(bench, str(number)) for number in range(5)]
    for job in jobs:
        # Claimed by somebody who is never heard of again.
        bench.ask("select 1 from claim_step(%s, %s, 0, gen_random_uuid(), null)", bench.tenant, job)
        bench.ask_nothing("update steps set lease_until = '2000-01-01' where status = 'claimed'")
        bench.until_done(job, runtime)
    ended = bench.ask(
        "select array_agg(job_id order by finished_at) from jobs where tenant_id = %s", bench.tenant
    )
    assert ended == [(jobs,)]
