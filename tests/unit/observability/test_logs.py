"""Logs are events with fields, and secrets stay out of them."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from agent_workers.observability.logs import REDACTED, scrubbed, set_up_logs


@pytest.fixture
def written(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers, root.level
    set_up_logs(level="INFO", json=getattr(request, "param", True), to=stream)
    yield stream
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def last(stream: io.StringIO) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(stream.getvalue().splitlines()[-1])
    return event


def test_an_event_is_one_line_with_its_fields(written: io.StringIO):
    structlog.get_logger("agent_workers.test").info("step_recorded", job_id="j1", position=2)
    event = last(written)
    assert event["event"] == "step_recorded"
    assert (event["job_id"], event["position"], event["level"]) == ("j1", 2, "info")
    assert event["ts"].endswith("Z")


def test_a_library_speaks_through_the_same_chain(written: io.StringIO):
    logging.getLogger("celery").warning("Connected to redis://:hunter2@cache:6379//")
    assert last(written)["logger"] == "celery"
    assert "hunter2" not in written.getvalue()


def test_a_traceback_holds_no_secrets(written: io.StringIO):
    try:
        int("postgresql://agent:hunter2@db/agent refused sk-abcdefgh1234")
    except ValueError:
        structlog.get_logger("agent_workers.test").exception("connecting_failed")
    assert "Traceback" in last(written)["exception"]
    assert "hunter2" not in written.getvalue()
    assert "sk-abcdefgh" not in written.getvalue()


@pytest.mark.parametrize(
    "name", ["password", "api_key", "Authorization", "secret_pepper", "access_token", "cookie"]
)
def test_a_field_is_redacted_by_its_name(name: str):
    assert scrubbed({"a": [{name: "x"}]}) == {"a": [{name: REDACTED}]}


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("key aw_live_a1b2c3d4_abcdefgh123", "key [secret]"),
        ("Authorization: Bearer abcdefgh.12345678", "Authorization: Bearer [secret]"),
        ("mail to jane.doe@example.com now", "mail to [email] now"),
        ("card 4111 1111 1111 1111", "card [card]"),
        ("order 1234567890123456", "order 1234567890123456"),
        ("amqp://user:pw@rabbit//", "amqp://user:[secret]@rabbit//"),
    ],
)
def test_a_secret_is_taken_out_by_its_look(said: str, kept: str):
    assert scrubbed(said) == kept


def test_counts_of_tokens_are_no_secret():
    assert scrubbed({"input_tokens": 10, "max_tokens": 5}) == {"input_tokens": 10, "max_tokens": 5}


@pytest.mark.parametrize("shift", range(0, 120, 7))
def test_half_of_a_secret_is_not_shown_where_a_text_is_cut(shift: int):
    secret = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwcml2YXRlIn0.signature_of_it"
    for text in (f"{secret} " * 300, f"password=x {secret}," * 300, f"-{secret}" * 300):
        shown = str(scrubbed("x" * shift + " " + text))
        assert "eyJ" not in shown
        assert len(shown) < 2_100


def test_many_fields_are_as_many_as_many_items():
    assert len(scrubbed({f"field{number}": 1 for number in range(10_000)})) == 50  # type: ignore[arg-type]


def test_what_is_long_or_deep_is_cut():
    assert len(str(scrubbed("x" * 100_000))) < 3_000
    deep: Any = "x"
    for _ in range(100):
        deep = [deep]
    assert "too deep" in str(scrubbed(deep))


@pytest.mark.parametrize("written", [True, False], ids=["json", "console"], indirect=True)
def test_what_others_wrote_commands_no_terminal_and_makes_no_line_of_its_own(written: io.StringIO):
    evil = "\x1b]0;mine\x07\r\x9b2J\u202e\n2026-01-01 [info] all is well"
    structlog.get_logger("ours").warning(f"ours {evil}", goal=evil, goals=[evil])
    logging.getLogger("theirs").warning("theirs %s", evil)
    lines = written.getvalue().splitlines()
    assert len(lines) == 2
    assert all(line.isprintable() for line in lines)


def test_at_debug_a_library_says_little_until_it_is_named(written: io.StringIO):
    def said(*libraries: str) -> str:
        set_up_logs(level="DEBUG", libraries=libraries, to=written)
        for name in ("kombu.connection", "httpx", "shop.tools"):
            logging.getLogger(name).debug("a word")
        return written.getvalue()

    levels = {name: logging.getLogger(name).level for name in ("kombu", "httpx")}
    ours, named = said(), said("kombu")
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    assert ours.count("shop.tools") == 1
    assert "kombu" not in ours
    assert "kombu.connection" in named
    assert "httpx" not in named


def test_a_known_secret_is_taken_out_whatever_it_looks_like():
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers, root.level
    set_up_logs(to=stream, secrets=("plain-words-as-a-key",))
    try:
        event = {"told": {"plain-words-as-a-key": ["x plain-words-as-a-key"]}, "text": "no key"}
        structlog.get_logger("agent_workers.test").warning("called plain-words-as-a-key", **event)
        logging.getLogger("LiteLLM").error("sent with plain-words-as-a-key")
    finally:
        root.handlers, root.level = handlers, level
        structlog.reset_defaults()
    assert "plain-words-as-a-key" not in stream.getvalue()
    assert stream.getvalue().count(REDACTED) == 4
