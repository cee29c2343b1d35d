"""Our own processes may do in Redis what they do, and nobody may do more."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError

from agent_workers.domain.models.delta import Delta
from agent_workers.domain.models.quota import Quota
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.transport.celery_app.app import make_app
from agent_workers.transport.diagnosis import look_at
from agent_workers.transport.doorbells.depth import Depths
from agent_workers.transport.doorbells.nudge import Nudge
from agent_workers.transport.doorbells.redis_bell import connected
from agent_workers.transport.shared.model_cache import RedisAnswers
from agent_workers.transport.shared.model_deltas import RedisDeltas
from agent_workers.transport.shared.model_deltas_heard import DeltaListener
from agent_workers.transport.shared.model_quotas import RedisQuotas
from agent_workers.transport.shared.model_redis import AwayOrNot
from agent_workers.transport.shared.wake import Wakeups
from tests.integration.transport.bench import a_ring, until, worker
from tests.integration.transport.test_wake import listening, subscribed

PEPPER = "only for tests, never else"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path_factory.mktemp("users")) as started:
        yield started


@pytest.fixture
def denied(server: EmbeddedRedis) -> Iterator[list[Any]]:
    """What the server refused, when the test is over."""
    found: list[Any] = []
    with Redis.from_url(server.url) as owner:
        owner.acl_log_reset()
        yield found
        found += owner.acl_log()
    assert not found, found


def test_nobody_comes_in_without_a_name_and_nobody_of_us_can_do_harm(server: EmbeddedRedis) -> None:
    with (
        closing(connected(f"redis://127.0.0.1:{server.port}")) as nobody,
        pytest.raises(AuthenticationError),
    ):
        nobody.ping()
    with closing(connected(server.agent_url)) as agent:
        agent.set("aw:x", "1")
        for words in (
            "FLUSHALL",
            "CONFIG SET dir /tmp",
            "ACL LIST",
            "KEYS *",
            "SCAN 0",
            "SHUTDOWN",
            "MONITOR",
            "CLIENT KILL TYPE normal",
            "REPLICAOF 127.0.0.1 1",
            "GET others",
            "LPUSH others 1",
            "PUBLISH others 1",
        ):
            with pytest.raises(NoPermissionError):
                agent.execute_command(*words.split())
        with pytest.raises(Exception, match=r"(?i)permission|acl"):
            agent.eval("return redis.call('FLUSHALL')", 0)


@pytest.mark.usefixtures("denied")
def test_what_is_shared_is_shared_by_our_own_user(server: EmbeddedRedis) -> None:
    redis, key = AwayOrNot(server.agent_url), uuid4().hex
    answers = RedisAnswers(redis, pepper=PEPPER, lead_s=0.2)
    token = answers.lead(key)
    assert token is not None
    until(lambda: answers.lead(key) is None, "it is prolonged")
    answers.keep(key, b"42", token=token)
    assert answers.find(key) == b"42"
    quotas = RedisQuotas(redis, {"m": Quota(requests_per_minute=100)})
    assert quotas.reserve("m", tokens=1, patience_s=1).granted
    quotas.settle("m", reserved=1, used=2)
    assert quotas.cool("m", seconds=None) == pytest.approx(1, abs=0.9)
    assert Depths(server.agent_url).of_all()


@pytest.mark.usefixtures("denied")
def test_what_is_said_is_heard_by_our_own_user(server: EmbeddedRedis) -> None:
    said = Delta(job_id=uuid4(), position=0, attempt=1, call=0, text="ours")

    async def heard() -> tuple[bool, list[Delta]]:
        with (
            closing(RedisDeltas(server.agent_url, pepper=PEPPER)) as deltas,
            closing(Wakeups(server.agent_url)) as wakeups,
        ):
            return await told(deltas, wakeups)

    async def told(deltas: RedisDeltas, wakeups: Wakeups) -> tuple[bool, list[Delta]]:
        listener = DeltaListener(server.agent_url, pepper=PEPPER)
        await listener.start()
        with (
            listener.watch(said.job_id, from_start=True) as one,
            listener.watch(said.job_id, from_start=False),
        ):
            deltas.say(said)
            await asyncio.wait_for(one.wait(), 20)
            taken = list(one.take())
        async with listening(server.agent_url) as waking:
            await subscribed(server.url)
            with waking.watch("job") as watch:
                await watch.wait(0.01)
                wakeups.publish(["job"])
                woken = await watch.wait(20)
        await listener.close()
        return woken, taken

    assert asyncio.run(heard()) == (True, [said])


@pytest.mark.slow
@pytest.mark.usefixtures("denied")
def test_a_worker_and_flower_need_nothing_else(server: EmbeddedRedis, tmp_path: Path) -> None:
    ring, ended = a_ring(), threading.Event()
    with (
        make_app(server.agent_url).connection_for_read() as connection,
        worker(server.agent_url, tmp_path, pool="threads", concurrency=1) as running,
        closing(Nudge(server.agent_url)) as nudge,
        Redis.from_url(server.url) as owner,
    ):
        receiver = make_app(server.agent_url).events.Receiver(
            connection, handlers={"task-succeeded": lambda _: ended.set()}
        )
        capture = partial(receiver.capture, limit=None, timeout=None, wakeup=False)
        hearing = threading.Thread(target=capture, daemon=True)
        hearing.start()
        until(lambda: owner.pubsub_numpat() > 0, "Flower listens")
        nudge.ring([ring])
        until(lambda: running.has("ended", ring), "it is done")
        assert ended.wait(20)
        receiver.should_stop = True
        hearing.join(20)


@pytest.mark.usefixtures("denied")
def test_doctor_sees_all_that_it_asks_for(server: EmbeddedRedis) -> None:
    seen = look_at(server.agent_url)
    assert seen.version
    assert (seen.eviction, seen.appendonly) == ("noeviction", "yes")
