"""Every fault of a model ends as docs/models.md says: whole jobs, on real servers and the true LiteLLM."""

import json
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis

from agent_workers.domain.course import read
from agent_workers.domain.ids import JobId
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.execution.models.named.prices import default_prices
from agent_workers.execution.models.scripted.files import load_script
from agent_workers.worker.runtime import Runtime
from tests.integration.models.gateway import request, scripted_gateway
from tests.integration.worker.conftest import Bench
from tests.integration.worker.faulty_agents import HOLD

MODULE = "tests.integration.worker.faulty_agents"
LARGE = default_prices().of("scripted/large")
# At the least what a call costs whose answer nobody saw: all of its possible output.
LOST = 2_048 * LARGE.output // 1_000_000


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a job ended, and what it took."""

    status: str
    code: str | None
    output: bytes | None
    tries: int
    degraded: list[str]
    spent: int
    held: int
    calls: int


@pytest.fixture(autouse=True, scope="module")
def first_call_is_over() -> None:
    """What litellm does at its first call is nobody's fault."""
    with scripted_gateway(load_script()) as gateway:
        gateway.complete(request(), deadline_s=20)


@pytest.fixture(autouse=True)
def nothing_is_remembered(bench: Bench, redis_server: EmbeddedRedis) -> None:
    """Breakers and quotas outlive a test, as they should outlive a worker."""
    bench.ask_nothing("delete from breakers")
    with Redis.from_url(redis_server.url) as redis:
        for key in redis.scan_iter("aw:quota:*"):
            redis.delete(key)


@pytest.fixture
def scripted(bench: Bench, tmp_path: Path) -> "Scripted":
    return Scripted(bench, tmp_path / "script.yaml")


class Scripted:
    """Runs one job of an agent whose model follows the given rows."""

    def __init__(self, bench: Bench, path: Path) -> None:
        self.bench = bench
        self._path = path

    def runtime(self, rows: str) -> Runtime:
        self._path.write_text(f"scenarios:\n{rows}")
        self.bench.settings = self.bench.settings.model_copy(update={"scenario": (self._path,)})
        return self.bench.runtime(module=MODULE)

    def submit(self, agent: str = "alone", *, timeout_ms: int = 2_000) -> JobId:
        return self.bench.submit("do it", agent=agent, hold=HOLD, timeout_ms=timeout_ms)

    def ended(self, rows: str, *, agent: str = "alone", timeout_ms: int = 2_000) -> Ended:
        runtime, job = self.runtime(rows), self.submit(agent, timeout_ms=timeout_ms)
        self.bench.until_done(job, runtime)
        return self.seen(job)

    def seen(self, job: JobId) -> Ended:
        row = self.bench.ask(
            "select status, error, output, degraded, spent_micro, held_micro, course,"
            " (select max(tries) from steps s where s.job_id = j.job_id)"
            " from jobs j where job_id = %s",
            job,
        )[0]
        status, error, output, degraded, spent, held, course, tries = row
        return Ended(
            status=str(status),
            code=json.loads(error)["code"] if isinstance(error, bytes) else None,
            output=output if isinstance(output, bytes) else None,
            tries=int(str(tries)),
            degraded=list(degraded) if isinstance(degraded, list) else [],
            spent=int(str(spent)),
            held=int(str(held)),
            calls=read(str(course)).model_calls,
        )


def once(fault: str) -> str:
    return (
        f"  - {{fault: {{{fault}}}, times: 1, when: {{model: large}}}}\n  - reply: {{text: done}}\n"
    )


def always(fault: str) -> str:
    return f"  - {{fault: {{{fault}}}, when: {{model: large}}}}\n  - reply: {{text: done}}\n"


@pytest.mark.parametrize(
    ("fault", "tries", "calls", "lost"),
    [
        ("kind: rate_limit, retry_after_s: 1", 0, 2, 0),  # waited for in place
        ("kind: rate_limit, retry_after_s: 3", 0, 1, 0),  # a due time; no attempt is used up
        ("kind: rate_limit", 0, 2, 0),  # the bucket cools for a second
        ("kind: overloaded", 1, 1, 0),
        ("kind: server_error", 1, 1, 1),
        ("kind: connection", 1, 1, 1),
        ("kind: timeout", 1, 1, 1),
        ("kind: endless", 1, 1, 1),
        ("kind: drip", 1, 1, 1),
        ("kind: auth", 1, 1, 0),
        ("kind: quota", 1, 1, 0),
    ],
)
def test_a_fault_that_passes_costs_time_and_what_it_cost(
    scripted: Scripted, fault: str, tries: int, calls: int, lost: int
) -> None:
    # Waiting in place has to fit the step's time, however busy the machine is.
    ended = scripted.ended(once(fault), timeout_ms=8_000 if "rate_limit" in fault else 2_000)
    assert (ended.status, ended.output) == ("succeeded", b'"done"')
    assert (ended.tries, ended.calls, ended.degraded, ended.held) == (tries, calls, [], 0)
    assert ended.spent > lost * LOST
    assert (ended.spent < LOST) == (lost == 0)


MALFORMED = (
    "  - {when: {turn: 0}, fault: {kind: malformed},"
    " reply: {tool_calls: [{name: add, arguments: {left: 1, right: 2}}]}}\n"
)
WRONG = "  - {when: {turn: 0}, reply: {tool_calls: [{name: fly, arguments: {}}]}}\n"


@pytest.mark.parametrize("spoiled", [MALFORMED, WRONG], ids=["malformed", "wrong tool"])
def test_an_answer_that_cannot_be_used_is_sent_back_within_the_step(
    scripted: Scripted, spoiled: str
) -> None:
    ended = scripted.ended(spoiled + "  - reply: {text: done}\n")
    assert (ended.status, ended.tries, ended.calls) == ("succeeded", 0, 2)


@pytest.mark.parametrize(
    ("fault", "code", "tries"),
    [
        ("kind: overloaded", "model_overloaded", 3),
        ("kind: server_error", "model_server_error", 3),
        ("kind: connection", "model_connection", 3),
        ("kind: timeout", "model_timeout", 3),
        ("kind: auth", "model_auth", 3),
        ("kind: quota", "model_quota", 3),
        ("kind: not_found", "model_not_found", 0),
        ("kind: context_window", "model_context_window", 0),
        ("kind: bad_request", "model_bad_request", 0),
        ("kind: content_policy", "model_content_policy", 0),
        ("kind: refusal", "model_refused", 0),
        ("kind: truncated", "model_truncated", 0),
    ],
)
def test_a_fault_that_stays_fails_the_job_in_its_own_words(
    scripted: Scripted, fault: str, code: str, tries: int
) -> None:
    ended = scripted.ended(always(fault))
    assert (ended.status, ended.code, ended.tries, ended.held) == ("failed", code, tries, 0)


def test_what_is_sent_back_in_vain_fails_the_job(scripted: Scripted) -> None:
    ended = scripted.ended("  - reply: {tool_calls: [{name: fly, arguments: {}}]}\n")
    assert ended.status == "failed"
    assert ended.code == "invalid_plan"
    assert ended.calls >= 3


def test_a_rate_limit_that_stays_is_waited_for_and_uses_up_no_attempt(scripted: Scripted) -> None:
    bench = scripted.bench
    runtime, job = scripted.runtime(always("kind: rate_limit")), scripted.submit()
    ends_at = time.monotonic() + 6
    while time.monotonic() < ends_at:
        bench.deliver(runtime, job, -1)
        time.sleep(0.05)
    seen = scripted.seen(job)
    assert (seen.status in {"failed", "succeeded"}, seen.tries, seen.spent) == (False, 0, 0)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("rate_limit, retry_after_s: 30", "rate_limit"),
        ("overloaded", "overloaded"),
        ("server_error", "server_error"),
        ("connection", "connection"),
        ("timeout", "timeout"),
        ("endless", "timeout"),
        ("drip", "timeout"),
        ("auth", "auth"),
        ("quota", "quota"),
        ("not_found", "not_found"),
        ("context_window", "context_window"),
        ("truncated", "truncated"),
    ],
)
def test_another_model_answers_at_once_and_the_result_says_so(
    scripted: Scripted, kind: str, why: str
) -> None:
    ended = scripted.ended(always(f"kind: {kind}"), agent="laddered")
    assert (ended.status, ended.tries, ended.calls) == ("succeeded", 0, 2)
    assert ended.degraded == [f"model scripted/small instead of scripted/large ({why})"]


@pytest.mark.parametrize("kind", ["bad_request", "content_policy"])
def test_no_other_model_is_asked_what_none_should_be_asked(scripted: Scripted, kind: str) -> None:
    ended = scripted.ended(always(f"kind: {kind}"), agent="laddered")
    assert (ended.status, ended.code) == ("failed", f"model_{kind}")


def test_an_open_breaker_parks_jobs_and_lets_them_go_on_when_its_model_answers(
    scripted: Scripted,
) -> None:
    bench, faults = scripted.bench, 6  # five open it, the sixth is a probe that fails
    rows = always("kind: overloaded").replace("when:", f"times: {faults}, when:")
    runtime, jobs = scripted.runtime(rows), [scripted.submit() for _ in range(8)]

    def all_ended() -> bool:
        for job in jobs:
            bench.deliver(runtime, job, -1)
        return all(bench.status(job) in {"succeeded", "failed"} for job in jobs)

    bench.until(all_ended, "all have ended", patience_s=45)
    ended = [scripted.seen(job) for job in jobs]
    assert {one.status for one in ended} == {"succeeded"}
    assert sum(one.tries for one in ended) <= faults
    assert bench.ask("select name from breakers where opens > 0") == [("model:scripted/large",)]
