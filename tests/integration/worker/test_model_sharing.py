"""What workers share through Redis about models: answers, quotas and deltas, and nothing without it."""

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest
from redis import Redis

from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.models.values import ModelReply, ModelRequest
from agent_workers.execution.models.wrappers.cached import Cached, Scope
from agent_workers.execution.models.wrappers.metered import Metered
from agent_workers.transport.shared.model_cache import RedisAnswers
from agent_workers.transport.shared.model_deltas import Words, stream_of
from agent_workers.transport.shared.model_quotas import RedisQuotas
from agent_workers.transport.shared.model_redis import AwayOrNot
from tests.integration.models.gateway import request, scripted_gateway
from tests.integration.worker.conftest import Bench
from tests.integration.worker.faulty_agents import HOLD
from tests.support.worker_system import PEPPER

MODULE = "tests.integration.worker.faulty_agents"
SLOW = "scenarios:\n  - {latency_ms: 700, reply: {text: the same for all}}\n"
# Cools the model and ends: what one worker of many does.
COOLS = (
    "import sys; from agent_workers.transport.shared.model_quotas import RedisQuotas;"
    " from agent_workers.transport.shared.model_redis import AwayOrNot;"
    " RedisQuotas(AwayOrNot(sys.argv[1]), {}).cool(sys.argv[2], seconds=30)"
)


class Counting:
    """Counts what reaches the provider."""

    def __init__(self, model: object) -> None:
        self._model = model
        self._lock = threading.Lock()
        self.calls = 0

    def complete(self, asked: ModelRequest, *, deadline_s: float) -> ModelReply:
        with self._lock:
            self.calls += 1
        reply: ModelReply = self._model.complete(asked, deadline_s=deadline_s)  # type: ignore[attr-defined]
        return reply


def test_fifty_equal_requests_of_two_workers_are_one_provider_call(
    redis_server: EmbeddedRedis,
) -> None:
    scope = Scope(tenant="acme", agent="a", version=uuid4().hex)
    with scripted_gateway(SLOW) as gateway, ThreadPoolExecutor(50) as threads:
        provider = Counting(gateway)
        workers = [RedisAnswers(AwayOrNot(redis_server.url), pepper=PEPPER) for _ in range(2)]
        models = [
            Cached(provider, answers=workers[number % 2], scope=scope) for number in range(50)
        ]
        asking = [threads.submit(model.complete, request(), deadline_s=20) for model in models]
        replies = [one.result() for one in asking]
    assert provider.calls == 1
    assert {reply.text for reply in replies} == {"the same for all"}
    assert sum(reply.usage.calls for reply in replies) == 1


def test_one_429_of_one_process_cools_the_model_for_another(redis_server: EmbeddedRedis) -> None:
    quotas = RedisQuotas(AwayOrNot(redis_server.url), {})
    rows = "scenarios:\n  - reply: {text: never}\n"
    with scripted_gateway(rows) as gateway:
        provider = Counting(gateway)
        subprocess.run(
            [sys.executable, "-c", COOLS, redis_server.url, "scripted/small"], check=True
        )
        try:
            with pytest.raises(ModelFailed) as failed:
                Metered(provider, quotas=quotas).complete(request(), deadline_s=20)
        finally:
            with Redis.from_url(redis_server.url) as redis:
                redis.delete("aw:quota:scripted/small")
    assert failed.value.error_class is ErrorClass.RATE_LIMIT
    assert failed.value.parks_on == "quota:scripted/small"
    assert provider.calls == 0


def test_a_cached_job_is_answered_without_a_call(bench: Bench, tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text(f"scenarios:\n  - {{times: 1, reply: {{text: {uuid4().hex}}}}}\n")
    bench.settings = bench.settings.model_copy(update={"scenario": (script,)})
    runtime, goal = bench.runtime(module=MODULE), uuid4().hex
    jobs = [bench.submit(goal, agent="cached", hold=HOLD, timeout_ms=9_000) for _ in range(2)]
    for job in jobs:
        bench.until_done(job, runtime)
    assert bench.output(jobs[0]) == bench.output(jobs[1])
    spent = [bench.ask("select spent_micro from jobs where job_id = %s", job)[0][0] for job in jobs]
    assert (spent[0] != 0, spent[1]) == (True, 0)


def test_a_streamed_job_says_its_answer_before_it_ends_and_the_text_is_the_same(
    bench: Bench, tmp_path: Path, redis_server: EmbeddedRedis
) -> None:
    script = tmp_path / "script.yaml"
    script.write_text(
        "scenarios:\n  - {latency_ms: 3000, reply: {text: one word after the other}}\n"
    )
    bench.settings = bench.settings.model_copy(update={"scenario": (script,)})
    runtime = bench.runtime(module=MODULE)
    job = bench.submit("say it", agent="streamed", hold=HOLD, timeout_ms=9_000)
    with (
        Redis.from_url(redis_server.url) as redis,
        ThreadPoolExecutor(1) as threads,
    ):
        working = threads.submit(bench.until_done, job, runtime)
        bench.until(lambda: redis.xlen(stream_of(job.hex)) >= 2, "two words are said")
        early = not working.done()
        working.result()
        time.sleep(0.2)
        said = redis.xrange(stream_of(job.hex))
        assert 0 < redis.ttl(stream_of(job.hex)) <= 600
    assert early
    deltas = [delta for _, fields in said if (delta := Words(PEPPER).read(job, fields))]
    assert "".join(delta.text for delta in deltas) == "one word after the other"
    assert {(delta.position, delta.attempt) for delta in deltas} == {(0, 1)}
    assert bench.output(job) == "one word after the other"


@pytest.mark.parametrize("agent", ["cached", "streamed", "alone"])
def test_without_redis_the_answer_is_the_same(bench: Bench, agent: str) -> None:
    bench.settings = bench.settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    runtime = bench.runtime(module=MODULE)
    job = bench.submit("hello", agent=agent, hold=HOLD, timeout_ms=9_000)
    bench.until_done(job, runtime)
    assert bench.output(job) == "echo: hello"
