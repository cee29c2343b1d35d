"""What users' code returned, as JSON: the natural form of each value, or the place that has none."""

import asyncio
import json
from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from pathlib import Path
from typing import Any, NamedTuple, NoReturn
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, SecretStr, field_serializer
from typing_extensions import override

from agent_workers.execution.values.plain import NotJson, described, first_described, plain

ID = UUID(int=1)
WHEN = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)


class Customer:
    @override
    def __repr__(self) -> str:
        return "<Customer 7>"


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


class Colour(Enum):
    RED = "red"


class Size(IntEnum):
    SMALL = 1


class Word(StrEnum):
    YES = "yes"


class Point(NamedTuple):
    x: int
    y: int


@dataclass
class Paid:
    amount: Decimal
    to: object = None


class Order(BaseModel):
    number: int = Field(alias="no")
    holds: Any = None


class OnlyInJson(BaseModel):
    model_config = {"arbitrary_types_allowed": True}
    customer: Customer

    @field_serializer("customer", when_used="json")
    def told(self, _: Customer) -> str:
        return "customer 7"


@pytest.mark.parametrize(
    "value", [None, True, 1, 1.5, "\u00e9\0\ud800", [1, {"a": []}], {"k": 10**300}]
)
def test_json_stays_as_it_is(value: object) -> None:
    assert plain(value) == value
    assert described(value) == value


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (WHEN, "2026-05-04T03:02:01Z"),
        (WHEN.astimezone(timezone(timedelta(hours=2))), "2026-05-04T05:02:01+02:00"),
        (WHEN.replace(tzinfo=None), "2026-05-04T03:02:01"),
        (date(2026, 5, 4), "2026-05-04"),
        (time(3, 2), "03:02:00"),
        (timedelta(days=1, seconds=3), "P1DT3S"),
        (Decimal("1.50"), "1.50"),
        (b"\xfb\xff", "+/8="),
        (bytearray(b"a"), "YQ=="),
        (ID, str(ID)),
        (Colour.RED, "red"),
        (Size.SMALL, 1),
        (Word.YES, "yes"),
        (Path("/a/b"), "/a/b"),
        (SecretStr("x"), "**********"),
        ((1, {2}, frozenset({3}), deque([4])), [1, [2], [3], [4]]),
        ({"a": 1}.values(), [1]),
        (Point(1, 2), [1, 2]),
        (OrderedDict(a=WHEN), {"a": "2026-05-04T03:02:01Z"}),
        (Paid(Decimal(1), [Paid(Decimal(2))]), {"amount": "1", "to": [{"amount": "2", "to": None}]}),
        ([Order(no=1, holds=Paid(Decimal(1), b"a"))],
         [{"number": 1, "holds": {"amount": "1", "to": "YQ=="}}]),
        ([OnlyInJson(customer=Customer())], [{"customer": "customer 7"}]),
        ({2: 0, True: 1, ID: 1, Colour.RED: 2, date(2026, 5, 4): 3, None: 4, Word.YES: 5},
         {"2": 0, "true": 1, str(ID): 1, "red": 2, "2026-05-04": 3, "null": 4, "yes": 5}),
    ],
)  # fmt: skip
def test_a_value_is_written_in_its_natural_form(value: object, told: object) -> None:
    assert plain(value) == told
    assert described(value) == told


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


def circle() -> object:
    value: list[object] = []
    value.append({"again": value})
    return value


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (Customer(), "something that is not JSON: Customer object; return text, numbers, lists or dicts"),
        ({"orders": [1, 2, {"customer": Customer()}]}, "JSON at $.orders[2].customer: Customer object;"),
        ([Paid(Decimal(1), Order(no=1, holds=Customer()))], "at $[0].to.holds: Customer object;"),
        ({"a": float("nan")}, "at $.a: the number nan;"),
        ([1e999], "at $[0]: the number inf;"),
        ([Decimal("NaN")], "at $[0]: the number NaN;"),
        (circle(), "at $[0].again: a list that holds itself;"),
        (nested(65), "more than 64 levels;"),
        ({"a": {1: 1, "1": 2}}, "at $.a: two keys that are both written '1';"),
        ([{(1, 2): 1}], "at $[0]: a key that is a tuple;"),
        ({Customer(): 1}, "JSON: a key that is a Customer;"),
        ((one for one in [1]), "JSON: generator object;"),
        ([map(str, [1])], "at $[0]: map object;"),
        ({"x": 10**5_000}, "at $.x: an integer of too many digits;"),
        ([Customer], "at $[0]: type object;"),
        ([ValueError("x")], "at $[0]: ValueError object;"),
        ([Hostile()], "at $[0]: Hostile object;"),
        ([HostileMapping()], "at $[0]: HostileMapping object;"),
    ],
)  # fmt: skip
def test_what_has_no_such_form_is_refused_with_its_place(value: object, problem: str) -> None:
    with pytest.raises(NotJson) as caught:
        plain(value)
    assert problem in str(caught.value)


def test_a_coroutine_is_no_result() -> None:
    forgotten = asyncio.sleep(0)
    with pytest.raises(NotJson, match=r"at \$\.later: coroutine object"):
        plain({"later": forgotten})
    forgotten.close()


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ([1, Customer()], [1, {"not_json": "Customer object", "kept": "<Customer 7>"}]),
        ({"a": float("nan")}, {"a": {"not_json": "the number nan", "kept": "nan"}}),
        ({1: "a", "1": WHEN},
         {"1": "a", "'1'": {"not_json": "two keys that are both written '1'",
                            "kept": "2026-05-04T03:02:01Z"}}),
        ([Hostile()],
         [{"not_json": "Hostile object", "kept": "\N{REPLACEMENT CHARACTER} Hostile"}]),
    ],
)  # fmt: skip
def test_where_it_must_be_kept_it_is_described_in_its_place(value: object, kept: object) -> None:
    assert described(value) == kept


@pytest.mark.parametrize("value", [nested(50_000), circle(), HostileMapping(), Hostile()])
def test_describing_neither_raises_nor_hangs_and_can_be_found_again(value: object) -> None:
    assert first_described(json.loads(json.dumps(described(value)))) is not None
