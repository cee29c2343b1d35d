"""What every store of tools' answers promises: the newest is found until its time is over."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from agent_workers.domain.tools.remembered import Remembered
from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.execution.tools.remembered_in_memory import NoToolAnswers, ToolAnswersInMemory
from agent_workers.execution.tools.remembering import ToolAnswers
from agent_workers.transport.shared.model_redis import AwayOrNot
from agent_workers.transport.shared.shared_values import SharedValues
from agent_workers.transport.shared.tool_answers import RedisToolAnswers

PEPPER = "only for tests, never else"
A_MINUTE = timedelta(minutes=1)
ANSWER = Remembered(
    tool="search", result=b'{"a":\n1}', at=datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
)


@pytest.fixture(params=["redis", "in memory"])
def answers(request: pytest.FixtureRequest, redis_server: EmbeddedRedis) -> ToolAnswers:
    if request.param == "redis":
        return RedisToolAnswers(AwayOrNot(redis_server.url), pepper=PEPPER)
    return ToolAnswersInMemory()


@pytest.fixture
def key() -> str:
    return uuid4().hex


def test_an_answer_is_found_as_it_was_kept(answers: ToolAnswers, key: str) -> None:
    assert answers.find(key) is None
    answers.keep(key, ANSWER, stale_for=A_MINUTE)
    assert answers.find(key) == ANSWER
    assert answers.find(uuid4().hex) is None


def test_the_newest_answer_counts(answers: ToolAnswers, key: str) -> None:
    newer = replace(ANSWER, result=b"2", at=ANSWER.at + A_MINUTE)
    answers.keep(key, ANSWER, stale_for=A_MINUTE)
    answers.keep(key, newer, stale_for=A_MINUTE)
    assert answers.find(key) == newer


def test_an_answer_is_forgotten_in_time(answers: ToolAnswers, key: str) -> None:
    answers.keep(key, ANSWER, stale_for=timedelta(milliseconds=50))
    time.sleep(0.1)
    assert answers.find(key) is None


@pytest.mark.parametrize(
    "nothing",
    [RedisToolAnswers(AwayOrNot("redis://127.0.0.1:1/0"), pepper=PEPPER), NoToolAnswers()],
)
def test_without_redis_nothing_is_kept_and_nothing_fails(nothing: ToolAnswers, key: str) -> None:
    nothing.keep(key, ANSWER, stale_for=A_MINUTE)
    assert nothing.find(key) is None


def test_what_another_release_wrote_otherwise_is_not_there(
    redis_server: EmbeddedRedis, key: str
) -> None:
    away_or_not = AwayOrNot(redis_server.url)
    values = SharedValues(away_or_not, kind="tool_answer", pepper=PEPPER)
    for written in (b"", b"\xff", b"[]\n1", b'["t","when?"]\n1', b"7\n1"):
        values.keep(key, written, ttl_ms=60_000)
        assert RedisToolAnswers(away_or_not, pepper=PEPPER).find(key) is None


def test_a_huge_answer_is_not_worth_the_memory(redis_server: EmbeddedRedis, key: str) -> None:
    answers = RedisToolAnswers(AwayOrNot(redis_server.url), pepper=PEPPER)
    answers.keep(key, replace(ANSWER, result=b"1" * 300_000), stale_for=A_MINUTE)
    assert answers.find(key) is None
