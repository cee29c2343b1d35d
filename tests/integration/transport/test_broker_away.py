"""A program that starts without its broker says so, with the address and without the password."""

from structlog.testing import capture_logs

from agent_workers.embedded.redis import EmbeddedRedis
from agent_workers.transport.diagnosis import say_if_away


def test_a_broker_that_is_away_is_said_once_and_nothing_ends() -> None:
    with capture_logs() as logs:
        say_if_away("redis://me:hunter2@127.0.0.1:1/0")
    [said] = logs
    assert (said["event"], said["log_level"]) == ("broker_away", "warning")
    assert said["address"] == "127.0.0.1:1"
    assert "hunter2" not in str(said)


def test_of_a_broker_that_answers_nothing_is_said(redis_server: EmbeddedRedis) -> None:
    with capture_logs() as logs:
        say_if_away(redis_server.url)
    assert logs == []
