"""Who can write to Redis can make us ask again, and can tell us nothing."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from redis import Redis

from agent_workers.domain.memory.session import Conversation, Role, SessionMessage
from agent_workers.domain.tools.remembered import Remembered
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.transport.shared.model_cache import RedisAnswers
from agent_workers.transport.shared.model_redis import AwayOrNot
from agent_workers.transport.shared.session_copies import SessionCopies
from agent_workers.transport.shared.tool_answers import RedisToolAnswers

PEPPER = "only for tests, never else"
A_MINUTE = timedelta(minutes=1)
SAID = SessionMessage(turn=1, role=Role.USER, text="hello")


class Answers:
    def __init__(self, redis: AwayOrNot) -> None:
        self._store = RedisAnswers(redis, pepper=PEPPER)

    def keep(self, key: str) -> None:
        self._store.keep(key, b"42", token="nobody")

    def find(self, key: str) -> object:
        return self._store.find(key)


class ToolAnswers:
    def __init__(self, redis: AwayOrNot) -> None:
        self._store = RedisToolAnswers(redis, pepper=PEPPER)

    def keep(self, key: str) -> None:
        answer = Remembered(tool="search", result=b"1", at=datetime.now(UTC))
        self._store.keep(key, answer, stale_for=A_MINUTE)

    def find(self, key: str) -> object:
        return self._store.find(key)


class Sessions:
    def __init__(self, redis: AwayOrNot) -> None:
        self._store = SessionCopies(redis, pepper=PEPPER, kept_for=A_MINUTE)

    def keep(self, key: str) -> None:
        self._store.keep(key, Conversation(messages=(SAID,)))

    def find(self, key: str) -> object:
        return self._store.find(key)


@pytest.mark.parametrize("kind", [Answers, ToolAnswers, Sessions])
def test_what_others_wrote_or_moved_is_not_there(
    redis_server: EmbeddedRedis, kind: type[Answers | ToolAnswers | Sessions]
) -> None:
    store, here, there = kind(AwayOrNot(redis_server.url)), uuid4().hex, uuid4().hex
    with Redis.from_url(redis_server.url) as redis:
        before = set(redis.scan_iter("aw:*"))
        store.keep(here)
        [written_here] = set(redis.scan_iter("aw:*")) - before
        store.keep(there)
        [written_there] = set(redis.scan_iter("aw:*")) - before - {written_here}
        assert store.find(here) is not None
        redis.copy(written_here, written_there, replace=True)
        assert store.find(there) is None, "it is signed for another place"
        unsigned = redis.get(written_here)[32:]
        redis.set(written_here, unsigned)
        assert store.find(here) is None, "it is not signed"
        redis.delete(written_here)
        redis.lpush(written_here, unsigned)
        assert store.find(here) is None, "it is no value at all"
