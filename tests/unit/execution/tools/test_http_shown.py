"""What is shown of an answer: text as text, cut to what a step keeps, and nothing for a terminal."""

import json

import pytest

from agent_workers.domain.outside.http import HttpAnswer
from agent_workers.domain.outside.sending import Refused, proved
from agent_workers.domain.outside.shown import shown
from agent_workers.execution.values.results import NO_SHAPE

URL = "https://shop.example.com/orders"


def test_what_a_host_says_of_its_refusal_moves_no_terminal():
    rude = HttpAnswer(url=URL, status=400, body=b"no\x1b[2J\xc2\x9b\r\nmore")
    with pytest.raises(Refused, match=r"answered 400: no \[2J more$"):
        proved(rude)


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        ("é".encode(), "text/plain", "é"),
        (b"\xe9", "text/html; charset=ISO-8859-1", "é"),
        (b"\xe9", "text/html; charset=idna", "�"),
        (b'{"a":1}', "application/problem+json", '{"a":1}'),
        (b"a\0b", "text/plain", "a�b"),
        (b"a", "", "a"),
        (b"a\0", "", None),
        (b"%PDF", "application/pdf", None),
    ],
)
def test_text_is_shown_as_text_and_all_else_as_base64(body: bytes, kind: str, text: str | None):
    result = shown(HttpAnswer(url=URL, status=200, headers={"content-type": kind}, body=body))
    assert result.text == text
    assert (result.base64 is None) == (text is not None)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"x" * 1_000_000, "image/png"),
        (b"\x01" * 1_000_000, "text/plain"),
        (b"x" * 900_000 + b"\x01" * 100_000, "text/plain"),
        ("é" * 500_000, "text/plain"),
    ],
)
def test_a_long_answer_is_cut_so_that_the_step_can_keep_it(body: bytes | str, kind: str):
    raw = body.encode() if isinstance(body, str) else body
    headers = {"content-type": kind, "location": "x" * 2_048}
    result = shown(HttpAnswer(url=URL, status=200, headers=headers, body=raw))
    assert result.truncated
    kept = json.loads(NO_SHAPE.promised(result))
    assert len(kept["text"] or kept["base64"]) > 100_000
