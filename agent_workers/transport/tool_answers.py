"""Good answers of tools in Redis, for as long as each tool says that they may serve."""

import json
from datetime import datetime, timedelta
from typing import Any, Final

from agent_workers.domain.remembered import Remembered
from agent_workers.transport.model_redis import AwayOrNot
from agent_workers.transport.profiles import KEY_PREFIX

# Larger answers are not worth the memory of all.
_MOST_BYTES: Final = 256 * 1024


class RedisToolAnswers:
    """Keeps what it is given; without Redis there is nothing to give again."""

    def __init__(self, redis: AwayOrNot) -> None:
        self._redis = redis

    def find(self, key: str) -> Remembered | None:
        """Give the answer, if there is one and Redis is there."""
        # Any: redis-py cannot say what a key holds.
        found: Any = self._redis.ask(lambda redis: redis.get(_name(key)), None)
        return _read(found) if isinstance(found, bytes) else None

    def keep(self, key: str, answer: Remembered, *, stale_for: timedelta) -> None:
        """Store the answer in place of an earlier one."""
        if len(answer.result) > _MOST_BYTES:
            return
        head = json.dumps([answer.tool, answer.at.isoformat()]).encode("ascii")
        ttl_ms = max(1, round(stale_for / timedelta(milliseconds=1)))
        self._redis.ask(
            lambda redis: redis.set(_name(key), head + b"\n" + answer.result, px=ttl_ms), None
        )


def _read(written: bytes) -> Remembered | None:
    head, _, result = written.partition(b"\n")
    try:
        tool, at = json.loads(head)
        return Remembered(tool=tool, result=result, at=datetime.fromisoformat(at))
    except (TypeError, ValueError):
        # Another release may write otherwise: then there is nothing.
        return None


def _name(key: str) -> str:
    return f"{KEY_PREFIX}tool_answer:{key}"
