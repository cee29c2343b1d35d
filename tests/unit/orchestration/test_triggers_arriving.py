"""What arrives from a queue: events, or a dead letter that says what is wrong and where."""

import json

import pytest

from agent_workers.domain.triggers.message import BATCH, ONE, Message
from agent_workers.orchestration.triggers.arriving import LARGEST, arrived_of

PAID = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.paid"}


def arrive(body: bytes, kind: str = ONE, **headers: str) -> str:
    """What the dead letter says; nothing where there are events."""
    message = Message(content_type=kind, body=body, headers=headers)
    arrived = arrived_of(message, origin="test")
    if arrived.letter is None:
        return ""
    assert (arrived.events, arrived.letter.code) == ((), "invalid_event")
    return arrived.letter.detail


def with_data(written: bytes) -> bytes:
    return json.dumps(PAID).encode()[:-1] + b',"data":{"a":' + written + b"}}"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "the message is not JSON: "),
        (b"\xff", "the message is not UTF-8 at byte 0"),
        (b"[" * 100_000, "the message is nested deeper than 64 levels"),
        (json.dumps([0] * 10_001).encode(), "the message contains more than 10000 values"),
        (b" " * (LARGEST + 1), f"a message may have at most {LARGEST} bytes"),
        (with_data(b"NaN"), "NaN is not JSON"),
        (with_data(b'1, "a": 2'), "the member 'a' occurs twice at /data"),
        (with_data(b'"\\u0000"'), "text must not contain NUL at /data/a"),
        (with_data(b'"\\ud800"'), "text must not contain a lone surrogate at /data/a"),
        (with_data(b"9223372036854775808"), "the number 9223372036854775808 is out of range at"),
    ],
)
def test_what_others_would_read_differently_or_not_at_all_is_a_dead_letter(
    body: bytes, says: str
) -> None:
    assert arrive(body).startswith(says)


def test_the_place_of_a_mistake_in_data_that_is_the_body_is_its_place_there() -> None:
    attributes = {f"ce-{name}": value for name, value in PAID.items()}
    said = arrive(b'[1, "\\u0000"]', "application/json", **attributes)
    assert said == "text must not contain NUL at /1"


@pytest.mark.parametrize("kind", [ONE, "application/json"])
def test_an_event_arrives(kind: str) -> None:
    assert not arrive(with_data(b"9223372036854775807"), kind)
    assert not arrive(b"[" + json.dumps(PAID).encode() + b"]", BATCH)
