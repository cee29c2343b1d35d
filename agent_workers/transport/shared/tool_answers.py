"""Good answers of tools in Redis, for as long as each tool says that they may serve."""

import json
from datetime import datetime, timedelta
from typing import Final

from agent_workers.domain.tools.remembered import Remembered
from agent_workers.transport.shared.model_redis import AwayOrNot
from agent_workers.transport.shared.shared_values import SharedValues

# Larger answers are not worth the memory of all.
_MOST_BYTES: Final = 256 * 1024


class RedisToolAnswers:
    """Keeps what it is given; without Redis there is nothing to give again."""

    def __init__(self, redis: AwayOrNot, *, pepper: str) -> None:
        self._values = SharedValues(redis, kind="tool_answer", pepper=pepper)

    def find(self, key: str) -> Remembered | None:
        """Give the answer, if there is one and Redis is there."""
        found = self._values.find(key)
        return None if found is None else _read(found)

    def keep(self, key: str, answer: Remembered, *, stale_for: timedelta) -> None:
        """Store the answer in place of an earlier one."""
        if len(answer.result) > _MOST_BYTES:
            return
        head = json.dumps([answer.tool, answer.at.isoformat()]).encode("ascii")
        ttl_ms = max(1, round(stale_for / timedelta(milliseconds=1)))
        self._values.keep(key, head + b"\n" + answer.result, ttl_ms=ttl_ms)


def _read(written: bytes) -> Remembered | None:
    head, _, result = written.partition(b"\n")
    try:
        tool, at = json.loads(head)
        return Remembered(tool=tool, result=result, at=datetime.fromisoformat(at))
    except (TypeError, ValueError):
        # Another release may write otherwise: then there is nothing.
        return None
