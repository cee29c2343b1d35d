"""Bytes: one way to write a value where it is compared, and no more than so many where it is kept."""

import json

import pytest

from agent_workers.domain.text.encoding import MOST_BYTES, bounded, canonical, cut_from, digest


def test_the_canonical_form_knows_no_order_no_spaces_and_only_ascii() -> None:
    assert canonical({"b": 1, "a": ["é", None]}) == b'{"a":["\\u00e9",null],"b":1}'
    assert canonical({"a": 1, "b": 2}) == canonical({"b": 2, "a": 1})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, object()])
def test_the_canonical_form_refuses_what_is_not_json(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical(value)


def test_what_is_too_long_is_cut_and_says_what_it_was() -> None:
    written = bounded("x" * MOST_BYTES)
    kept = json.loads(written)
    assert (kept["truncated"], kept["bytes"]) == (True, MOST_BYTES + 2)
    assert kept["sha256"] == digest(b'"' + b"x" * MOST_BYTES + b'"').hex()
    assert cut_from(written) == MOST_BYTES + 2
    assert len(bounded("\N{SNOWMAN}" * MOST_BYTES)) < MOST_BYTES


def test_what_is_not_too_long_is_whole() -> None:
    assert (bounded([1, "\u00e9"]), cut_from(bounded([1]))) == (b'[1,"\\u00e9"]', 0)
