"""Which messages carry events, in which mode, and what is refused."""

import base64
import json

import pytest

from agent_workers.domain.text.strict_json import parse
from agent_workers.domain.triggers.event import CloudEvent
from agent_workers.domain.triggers.message import BATCH, ONE, Message, NotAnEvent, events_of
from agent_workers.transport.bus.ingest_stream import message_of

PAID = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.paid"}


def read(body: object, kind: str, *, plain: bool = False, **headers: str) -> list[CloudEvent]:
    written = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("__", ":"): value for name, value in headers.items()}
    message = Message(content_type=kind, body=written, headers=named)
    return events_of(message, parse, plain_json=plain)


def test_an_event_is_structured_or_one_of_a_batch() -> None:
    assert [one.members for one in read(PAID, f"{ONE}; charset=utf-8")] == [PAID]
    assert [one.id for one in read([PAID, PAID | {"id": "2"}], BATCH)] == ["1", "2"]
    assert read([], BATCH) == []


def test_plain_json_is_an_event_only_where_it_may_be() -> None:
    assert read(PAID, "application/json", plain=True)[0].id == "1"
    with pytest.raises(NotAnEvent):
        read(PAID, "application/json")


@pytest.mark.parametrize("prefix", ["ce-", "CE_", "cloudEvents:", "cloudEvents_"])
def test_attributes_stand_in_headers_under_any_protocol_s_prefix(prefix: str) -> None:
    message = Message(
        content_type="application/json",
        body=b'{"a": 1}',
        headers={prefix + name: value for name, value in PAID.items()} | {"other": "x"},
    )
    [event] = events_of(message, parse)
    assert event.members == PAID | {"datacontenttype": "application/json", "data": {"a": 1}}


@pytest.mark.parametrize(
    ("kind", "body", "data"),
    [
        ("application/vnd.x+json", b"[1]", {"data": [1]}),
        ("text/plain", "ä".encode(), {"data": "ä"}),
        ("text/plain", b"\xff", {"data_base64": "/w=="}),
        ("image/png", b"png", {"data_base64": base64.b64encode(b"png").decode()}),
        ("application/json", b"", {}),
    ],
)
def test_the_body_is_data_as_its_type_says(kind: str, body: bytes, data: object) -> None:
    headers = {f"ce-{name}": value for name, value in PAID.items()}
    [event] = events_of(Message(content_type=kind, body=body, headers=headers), parse)
    assert event.members == PAID | {"datacontenttype": kind} | data  # type: ignore[operator]


def test_an_entry_of_a_stream_is_a_message() -> None:
    assert message_of({b"event": b"{}"}) == Message(content_type=ONE, body=b"{}")
    fields = {b"body": b"x", b"content-type": b"text/plain", b"ce-id": b"1"}
    assert message_of(fields) == Message(
        content_type="text/plain", body=b"x", headers={"ce-id": "1"}
    )
