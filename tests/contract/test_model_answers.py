"""What every store of answers promises: one asker at a time, and none for ever."""

import time
from collections.abc import Callable
from uuid import uuid4

import pytest

from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.execution.models.ports import Answers
from agent_workers.execution.models.wrappers.answers_in_memory import AnswersInMemory
from agent_workers.execution.tools.caching import ToolResults
from agent_workers.transport.shared.model_cache import RedisAnswers
from agent_workers.transport.shared.model_redis import AwayOrNot

PEPPER = "only for tests, never else"
Made = Callable[..., ToolResults]


@pytest.fixture(params=["redis", "in memory"])
def made(request: pytest.FixtureRequest, redis_server: EmbeddedRedis) -> Made:
    def make(*, ttl_s: float = 60, lead_s: float = 4) -> ToolResults:
        if request.param == "redis":
            return RedisAnswers(
                AwayOrNot(redis_server.url), pepper=PEPPER, ttl_s=ttl_s, lead_s=lead_s
            )
        return AnswersInMemory(ttl_s=ttl_s, lead_s=lead_s)

    return make


@pytest.fixture
def key() -> str:
    return uuid4().hex


def lead(answers: Answers, key: str) -> str:
    token = answers.lead(key)
    assert token is not None
    return token


def test_an_answer_is_found_once_it_is_kept(made: Made, key: str) -> None:
    answers = made()
    assert answers.find(key) is None
    answers.keep(key, b"forty-two", token=lead(answers, key))
    assert answers.find(key) == b"forty-two"


def test_an_answer_may_say_for_how_long_it_serves(made: Made, key: str) -> None:
    answers, shorter = made(), uuid4().hex
    answers.keep(key, b"x", token=lead(answers, key), ttl_s=60)
    answers.keep(shorter, b"x", token=lead(answers, shorter), ttl_s=0.001)
    time.sleep(0.05)
    assert (answers.find(key), answers.find(shorter)) == (b"x", None)


def test_only_one_leads_until_it_lets_go(made: Made, key: str) -> None:
    answers = made()
    token = lead(answers, key)
    assert answers.lead(key) is None
    answers.leave(key, token=token)
    assert answers.lead(key) is not None


def test_who_asks_for_longer_than_it_said_leads_no_more(made: Made, key: str) -> None:
    answers = made(lead_s=0.4)
    assert answers.lead(key, longest_s=0.1) is not None
    time.sleep(0.3)
    assert answers.lead(key) is not None


def test_keeping_an_answer_lets_go(made: Made, key: str) -> None:
    answers = made()
    answers.keep(key, b"x", token=lead(answers, key))
    assert answers.lead(key) is not None


def test_whoever_was_taken_over_does_not_end_the_lead_of_another(made: Made, key: str) -> None:
    answers = made()
    lead(answers, key)
    answers.leave(key, token="another's")
    assert answers.lead(key) is None


def test_an_answer_is_forgotten_in_time(made: Made, key: str) -> None:
    answers = made(ttl_s=0.05)
    answers.keep(key, b"x", token=lead(answers, key))
    time.sleep(0.1)
    assert answers.find(key) is None


def test_a_living_worker_leads_on_and_a_dead_one_is_followed(
    redis_server: EmbeddedRedis, key: str
) -> None:
    living = RedisAnswers(AwayOrNot(redis_server.url), pepper=PEPPER, lead_s=2.0)
    other = RedisAnswers(AwayOrNot(redis_server.url), pepper=PEPPER, lead_s=2.0)
    lead(living, key)
    time.sleep(3)  # longer than a lead that nobody prolongs
    assert other.lead(key) is None
    living._led.clear()  # what a dead process does: nothing any more
    died_at = time.monotonic()
    while (token := other.lead(key)) is None:
        assert time.monotonic() < died_at + 30
        time.sleep(0.05)
    other.leave(key, token=token)


def test_without_redis_everybody_asks_and_nothing_is_kept(key: str) -> None:
    answers = RedisAnswers(AwayOrNot("redis://127.0.0.1:1/0"), pepper=PEPPER)
    assert (answers.lead(key), answers.lead(key)) != (None, None)
    answers.keep(key, b"x", token="t")
    assert answers.find(key) is None
