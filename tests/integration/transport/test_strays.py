"""What others leave in our Redis holds up nobody: not the rings, not the wake-ups, not the deltas."""

import asyncio
from uuid import uuid4

from redis import Redis

from agent_workers.domain.models.delta import Delta
from agent_workers.domain.step import Lane
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.transport.brokers.profiles import KEY_PREFIX
from agent_workers.transport.doorbells.redis_bell import RedisBell
from agent_workers.transport.shared.model_deltas import RedisDeltas, Words, stream_of
from agent_workers.transport.shared.model_deltas_heard import DeltaListener
from agent_workers.transport.shared.wake import CHANNEL
from tests.integration.transport.bench import a_ring
from tests.integration.transport.test_wake import listening, subscribed
from tests.support.worker_system import until

PEPPER = "only for tests, never else"
LONG_S = 20.0


def test_forged_deltas_and_a_key_that_is_no_stream_end_nobodys_stream(
    redis: Redis, redis_url: str
) -> None:
    broken, job, words = uuid4(), uuid4(), Words(PEPPER)
    stream = stream_of(job.hex)
    said = Delta(job_id=job, position=0, attempt=1, call=0, text="ours")
    redis.set(stream_of(broken.hex), "no stream")
    redis.xadd(stream, {"position": "x", "text": "y"})
    redis.xadd(stream, {"delta": b"\xff"})
    redis.xadd(stream, Words("another pepper of others").written(said))  # type: ignore[arg-type]
    redis.xadd(stream, words.written(said))  # type: ignore[arg-type]

    async def first_heard() -> list[Delta]:
        listener = DeltaListener(redis_url, pepper=PEPPER)
        await listener.start()
        with (
            listener.watch(broken, from_start=True),
            listener.watch(broken, from_start=False),
            listener.watch(job, from_start=True) as heard,
        ):
            await asyncio.wait_for(heard.wait(), LONG_S)
            taken = list(heard.take())
        await listener.close()
        return taken

    assert asyncio.run(first_heard()) == [said]


def test_a_wake_up_of_no_text_wakes_nobody_and_the_next_one_is_heard(
    redis: Redis, redis_server: EmbeddedRedis
) -> None:
    async def woken() -> bool:
        async with listening(redis_server.url) as listener:
            await subscribed(redis_server.url)
            with listener.watch("job-1") as watch:
                await watch.wait(0.01)
                redis.publish(CHANNEL, b"\xff\xfe\n\x00")
                redis.publish(CHANNEL, "job-1")
                return await watch.wait(LONG_S)

    assert asyncio.run(woken())


def test_a_queue_that_is_no_list_keeps_no_other_lane_from_being_rung(
    redis: Redis, redis_url: str
) -> None:
    redis.set(KEY_PREFIX + "plan", "no list")
    bell = RedisBell(redis_url, cap=10)
    bell.carry([a_ring(lane=Lane.PLAN), a_ring(lane=Lane.TOOL)])
    bell.close()
    assert redis.llen(KEY_PREFIX + "tool") == 1


def test_a_stream_that_takes_no_more_loses_its_own_deltas_and_doubles_nobody_elses(
    redis: Redis, redis_url: str
) -> None:
    full, job = uuid4(), uuid4()
    redis.xadd(stream_of(full.hex), {"x": "y"}, id=f"{2**64 - 1}-{2**64 - 1}")
    deltas = RedisDeltas(redis_url, pepper=PEPPER)
    for position in range(3):
        deltas.say(Delta(job_id=full, position=position, attempt=1, call=0, text="refused"))
        deltas.say(Delta(job_id=job, position=position, attempt=1, call=0, text="ours"))
    until(lambda: redis.xlen(stream_of(job.hex)) >= 3, "the deltas of the other job are there")
    deltas.close()
    assert redis.xlen(stream_of(job.hex)) == 3
