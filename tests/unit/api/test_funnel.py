"""What is asked while a batch is under way goes together into the next one."""

import asyncio
import threading
from collections.abc import Sequence

import pytest

from api.process.cached import Cached
from api.process.funnel import Funnel


class Slow:
    """Answers when it is told to, and remembers what came together."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = threading.Event()
        self.go = threading.Event()

    def __call__(self, asked: Sequence[int]) -> Sequence[str | Exception]:
        self.batches.append(list(asked))
        self.begun.set()
        self.go.wait(10)
        return [ValueError(n) if n < 0 else str(n) for n in asked]


def test_what_comes_in_meanwhile_is_answered_together():
    slow = Slow()

    async def ask() -> list[str]:
        funnel: Funnel[int, str] = Funnel(slow, name="test", most=3)
        funnel.start()
        first = asyncio.create_task(funnel.ask(0))
        await asyncio.to_thread(slow.begun.wait)
        rest = [asyncio.create_task(funnel.ask(n)) for n in range(1, 6)]
        await asyncio.sleep(0)
        slow.go.set()
        answers = await asyncio.gather(first, *rest)
        funnel.close()
        return answers

    assert asyncio.run(ask()) == ["0", "1", "2", "3", "4", "5"]
    assert slow.batches == [[0], [1, 2, 3], [4, 5]]


def test_one_that_fails_fails_alone():
    slow = Slow()
    slow.go.set()

    async def ask() -> None:
        funnel: Funnel[int, str] = Funnel(slow, name="test")
        funnel.start()
        bad, good = asyncio.create_task(funnel.ask(-1)), asyncio.create_task(funnel.ask(1))
        assert await good == "1"
        with pytest.raises(ValueError, match="-1"):
            await bad
        funnel.close()

    asyncio.run(ask())


def test_an_answer_is_remembered_for_a_moment_and_asked_once_at_a_time():
    asked: list[str] = []

    async def find(key: str) -> str | None:
        asked.append(key)
        await asyncio.sleep(0.01)
        return None if key == "missing" else key.upper()

    async def look() -> None:
        cached: Cached[str, str] = Cached(find, ttl_s=60)
        assert cached.fresh("a") is None
        assert await asyncio.gather(*(cached.get("a") for _ in range(5))) == ["A"] * 5
        assert cached.fresh("a") == "A"
        assert await cached.get("missing") is None
        assert await cached.get("missing") is None

    asyncio.run(look())
    assert asked == ["a", "missing", "missing"]


def test_what_is_remembered_for_no_time_is_asked_again():
    async def look() -> None:
        async def find(key: str) -> str:
            return key

        cached: Cached[str, str] = Cached(find, ttl_s=-1)
        await cached.get("a")
        assert cached.fresh("a") is None

    asyncio.run(look())
