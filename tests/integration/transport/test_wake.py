"""Wake-ups through a real Redis, and without one."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from redis import Redis

from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.transport.shared.wake import CHANNEL, WakeListener, Wakeups
from tests.integration.transport.bench import until

LONG_S = 20.0
SHORT_S = 0.05


@asynccontextmanager
async def listening(url: str | None) -> AsyncIterator[WakeListener]:
    listener = WakeListener(url)
    with listener.watch("whichever") as first:
        await listener.start()
        try:
            # It rings for everybody when it has asked to hear, and not once more in a test.
            assert url is None or await first.wait(LONG_S)
            yield listener
        finally:
            await listener.close()


def heard(url: str) -> bool:
    with Redis.from_url(url) as redis:
        return bool(dict(redis.pubsub_numsub(CHANNEL))[CHANNEL.encode()])


async def subscribed(url: str) -> None:
    await asyncio.to_thread(until, lambda: heard(url), "the listener has subscribed")


def in_a_loop(test: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await test()

    asyncio.run(run())


def test_all_waiters_of_a_job_wake_and_nobody_elses(redis_server: EmbeddedRedis) -> None:
    async def test() -> None:
        wakeups = Wakeups(redis_server.url)
        async with listening(redis_server.url) as listener:
            await subscribed(redis_server.url)
            waiters = [asyncio.create_task(listener.wait("job-1", LONG_S)) for _ in range(3)]
            with listener.watch("job-2") as other:
                await asyncio.sleep(0)
                wakeups.publish(["job-0", "job-1", "job-1"])
                assert await asyncio.gather(*waiters) == [True, True, True]
                assert not await other.wait(SHORT_S)
        wakeups.close()

    in_a_loop(test)


def test_a_wake_up_between_the_look_and_the_wait_is_not_missed(
    redis_server: EmbeddedRedis,
) -> None:
    async def test() -> None:
        wakeups = Wakeups(redis_server.url)
        async with listening(redis_server.url) as listener:
            await subscribed(redis_server.url)
            with listener.watch("job-1") as watch, listener.watch("job-2") as later:
                wakeups.publish(["job-1"])
                wakeups.publish(["job-2"])
                assert await later.wait(LONG_S)
                assert await watch.wait(LONG_S)
                assert not await watch.wait(SHORT_S)
        wakeups.close()

    in_a_loop(test)


def test_with_redis_down_a_wait_times_out_and_later_ones_are_woken(tmp_path: Path) -> None:
    async def test(server: EmbeddedRedis) -> None:
        wakeups = Wakeups(server.url)
        async with listening(server.url) as listener:
            await subscribed(server.url)
            server.stop()
            wakeups.publish(["job-1"])
            assert not await listener.wait("job-2", SHORT_S)
            with listener.watch("job-3") as watch:
                server.start()
                assert await watch.wait(LONG_S)  # whoever waited looks again after the gap
        wakeups.close()

    with EmbeddedRedis(tmp_path / "redis") as server:
        in_a_loop(lambda: test(server))


def test_without_a_redis_waits_just_time_out() -> None:
    async def test() -> None:
        wakeups = Wakeups(None)
        wakeups.publish(["job-1"])
        begun = time.monotonic()
        async with listening(None) as listener:
            assert not await listener.wait("job-1", SHORT_S)
        assert time.monotonic() - begun >= SHORT_S
        wakeups.close()
        assert wakeups.health() is None

    in_a_loop(test)
