"""Remembers for a moment what the database said, and asks only once at a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

MOST = 10_000


class Cached(Generic[Key, Value]):
    """Answers are at most `ttl_s` old. None is never remembered: what is missing may come soon."""

    def __init__(self, find: Callable[[Key], Awaitable[Value | None]], *, ttl_s: float) -> None:
        self._find = find
        self._ttl_s = ttl_s
        self._kept: dict[Key, tuple[float, Value]] = {}
        self._asking: dict[Key, asyncio.Task[Value | None]] = {}

    def fresh(self, key: Key) -> Value | None:
        """Return what is remembered, without waiting."""
        kept = self._kept.get(key)
        if kept is None or kept[0] < time.monotonic():
            return None
        return kept[1]

    async def get(self, key: Key) -> Value | None:
        asking = self._asking.get(key)
        if asking is None:
            asking = asyncio.create_task(self._ask(key))
            self._asking[key] = asking
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        # Shielded: one caller that goes away must not take the answer from the others.
        return await asyncio.shield(asking)

    async def _ask(self, key: Key) -> Value | None:
        value = await self._find(key)
        if value is None:
            self._kept.pop(key, None)
            return None
        if len(self._kept) >= MOST:
            self._kept.clear()
        self._kept[key] = (time.monotonic() + self._ttl_s, value)
        return value
