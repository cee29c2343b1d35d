"""Whatever is sent as JSON, as an event or by an MCP server is read, or refused by our own word."""

import json
from typing import Any

from hypothesis import given

from agent_workers.domain.text.strict_json import JsonRefused, parse
from agent_workers.domain.triggers.message import BATCH, ONE, Message
from agent_workers.execution.mcp.http import _events
from agent_workers.execution.mcp.messages import read
from agent_workers.execution.mcp.troubles import Garbled
from agent_workers.orchestration.triggers.arriving import arrived_of
from tests.unit.fuzz.strange import BODIES


def plain(value: Any) -> str:
    """A value in the one spelling that Postgres and planners take."""
    return json.dumps(value, allow_nan=False, sort_keys=True)


@given(BODIES)
def test_a_body_is_parsed_to_what_can_be_stored_or_refused(body: bytes) -> None:
    try:
        value = parse(body)
    except JsonRefused as refused:
        refused.pointer.encode("utf-8")
        return
    written = plain(value)
    assert "\\u0000" not in written.replace("\\\\", "")
    assert plain(parse(written.encode())) == written


@given(BODIES)
def test_an_event_is_read_or_a_dead_letter(body: bytes) -> None:
    for kind in (ONE, BATCH, "application/json"):
        message = Message(content_type=kind, body=body, headers={"ce-specversion": "1.0"})
        arrived = arrived_of(message, origin="test")
        if arrived.letter is not None:
            assert arrived.events == ()
            arrived.letter.detail.encode("utf-8")


@given(BODIES)
def test_what_an_mcp_server_says_is_read_or_garbled(body: bytes) -> None:
    try:
        read(body)
    except Garbled:
        return


@given(BODIES)
def test_a_stream_of_events_is_cut_into_what_it_holds(body: bytes) -> None:
    whole = b"data: " + body.replace(b"\r", b"").replace(b"\n", b"") + b"\n\n"
    assert len(list(_events(whole + body))) <= body.count(b"\n") + body.count(b"\r") + 2
