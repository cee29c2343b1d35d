"""Bytes: one way to write a value where it is compared, and any value at all where it is kept."""

import json
from collections.abc import Iterator, Mapping
from typing import NoReturn

import pytest
from typing_extensions import override

from agent_workers.domain.encoding import MOST_BYTES, canonical, digest, total


class Hostile:
    @override
    def __repr__(self) -> NoReturn:
        raise RuntimeError("no")


class HostileMapping(Mapping[str, int]):
    @override
    def __getitem__(self, key: str) -> NoReturn:
        raise OSError(key)

    @override
    def __iter__(self) -> Iterator[str]:
        raise OSError("no")

    @override
    def __len__(self) -> int:
        return 1


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


def circle() -> object:
    value: list[object] = []
    value.extend([value, value])
    return value


def test_the_canonical_form_knows_no_order_no_spaces_and_only_ascii() -> None:
    assert canonical({"b": 1, "a": ["é", None]}) == b'{"a":["\\u00e9",null],"b":1}'
    assert canonical({"a": 1, "b": 2}) == canonical({"b": 2, "a": 1})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, object()])
def test_the_canonical_form_refuses_what_is_not_json(value: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical(value)


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "é\0\ud800", [1, {"a": []}], {"k": 10**300}])
def test_json_is_kept_as_it_is(value: object) -> None:
    assert json.loads(total(value)) == value


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (float("nan"), {"not_a_number": "nan"}),
        ([1e999, -1e999], [{"not_a_number": "inf"}, {"not_a_number": "-inf"}]),
        (b"\x00\xff", {"bytes": "00ff"}),
        ((1, {2}), [1, [2]]),
        ({(1, 2): {3}}, {"(1, 2)": [3]}),
        ({"x": 10**5_000, "y": object}, {"x": {"integer": hex(10**5_000)}, "y": "<class 'object'>"}),
        ([Hostile(), {Hostile(): float("nan")}],
         ["\N{REPLACEMENT CHARACTER} Hostile",
          {"\N{REPLACEMENT CHARACTER} Hostile": {"not_a_number": "nan"}}]),
    ],
)  # fmt: skip
def test_what_json_does_not_know_is_described(value: object, kept: object) -> None:
    assert json.loads(total(value)) == kept


@pytest.mark.parametrize("value", [nested(50_000), circle(), HostileMapping(), Hostile()])
def test_nothing_raises_and_nothing_hangs(value: object) -> None:
    assert json.loads(total(value)) is not None


def test_what_is_too_long_is_cut_and_says_what_it_was() -> None:
    kept = json.loads(total("x" * MOST_BYTES))
    assert (kept["truncated"], kept["bytes"]) == (True, MOST_BYTES + 2)
    assert kept["sha256"] == digest(b'"' + b"x" * MOST_BYTES + b'"').hex()
    assert len(total("\N{SNOWMAN}" * MOST_BYTES)) < MOST_BYTES
