"""What is refused as JSON, with the place of the mistake."""

import json
import tracemalloc
from collections.abc import Callable
from random import Random

import pytest

from agent_workers.domain.text import strict_json
from agent_workers.domain.text.strict_json import DEEPEST, MOST_NODES, JsonRefused, parse

MALFORMED = {
    "nothing": b"",
    "half": b'{"a":',
    "a number out of range before a mistake": b"[99999999999999999999, x]",
    "more than one": b"1 2",
    "no UTF-8": b'"\xff"',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a raw control character": b'"\x00"',
    "a raw surrogate": b'"\xed\xa0\x80"',
    "NaN": b'{"a":NaN}',
    "Infinity": b"[-Infinity]",
    "a comma too many": b"[1,]",
    "single quotes": b"{'a':1}",
    "a leading zero": b"[01]",
}
REFUSED = {
    "a NUL": (rb'{"a":"x\u0000"}', "/a"),
    "a NUL in a name": (rb'{"a":{"\u0000":1}}', "/a"),
    "a lone surrogate": (rb'{"a":["\ud800"]}', "/a/0"),
    "a surrogate the wrong way round": (rb'["\udc00\ud800"]', "/0"),
    "a lone surrogate in a name": (rb'{"\ud800":1}', ""),
    "an integer of 65 bits": (b'{"a":{"b":9223372036854775808}}', "/a/b"),
    "an integer below 64 bits": (b"[-9223372036854775809]", "/0"),
    "an integer of thousands of digits": (b"[" + b"9" * 5_000 + b"]", "/0"),
    "a float beyond all": (b'{"a/b":1e999}', "/a~1b"),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_json_is_malformed(body: bytes):
    with pytest.raises(JsonRefused) as caught:
        parse(body)
    assert caught.value.malformed


@pytest.mark.parametrize(("body", "pointer"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_kept_is_refused_with_its_place(body: bytes, pointer: str):
    with pytest.raises(JsonRefused) as caught:
        parse(body)
    assert not caught.value.malformed
    assert caught.value.pointer == pointer


def test_a_member_that_occurs_twice_is_malformed():
    with pytest.raises(JsonRefused, match="'a' occurs twice") as caught:
        parse(b'{"b":[{"a":1,"a":1}]}')
    assert caught.value.pointer == "/b/0"
    assert caught.value.malformed


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize("depth", [DEEPEST + 1, 900, 50_000, 500_000])
def test_what_is_too_deep_is_refused(depth: int):
    with pytest.raises(JsonRefused, match="nested"):
        parse(nested(depth))
    with pytest.raises(JsonRefused, match="nested"):
        parse(b'{"a":' * depth + b"1" + b"}" * depth)


def test_what_is_just_deep_enough_is_taken():
    parse(nested(DEEPEST))


def test_what_holds_too_many_values_is_refused():
    with pytest.raises(JsonRefused, match="more than"):
        parse(json.dumps([0] * MOST_NODES).encode())
    parse(json.dumps([0] * (MOST_NODES - 1)).encode())


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -1, 9223372036854775807, -9223372036854775808, 1.5, 1e300, "", "ä€😀", [], {},
     {"": ""}, {"a": [{"b": "\x7f\n\u2028"}]}],
    ids=repr,
)  # fmt: skip
def test_what_json_can_say_is_taken_as_it_is(value: object):
    assert parse(json.dumps(value).encode()) == value
    assert parse(json.dumps(value, ensure_ascii=False).encode()) == value


def test_each_name_is_looked_at_once_for_the_one_that_occurs_twice(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(strict_json, "MOST_NODES", 10**6)
    names = ",".join(f'"{number}":1' for number in range(90_000))
    with pytest.raises(
        JsonRefused, match="'last' occurs twice"
    ):  # after minutes, if each is counted
        parse(f'{{{names},"last":1,"last":2}}'.encode())


@pytest.mark.parametrize("unit", [b"0,", b"[],", b'"",', b'{"":0},', b'"\\"",'], ids=repr)
def test_of_what_is_too_much_nothing_is_built(unit: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(strict_json, "_strict", None)
    with pytest.raises(JsonRefused, match="more than"):
        parse(b"[" + unit * ((1 << 20) // len(unit) - 1) + b"0]")


@pytest.mark.parametrize(
    "body",
    [
        b'{"%s":[%s"\\u0000"]}' % (b"x" * 60_000, b"0," * (MOST_NODES - 3)),
        b'{"%s":{"a":[%s1e999]}}' % (b"x" * 60_000, b'"",' * (MOST_NODES - 4)),
    ],
    ids=["strict", "tolerant"],
)
def test_a_long_name_is_not_written_down_for_each_value_under_it(body: bytes):
    tracemalloc.start()
    try:
        with pytest.raises(JsonRefused) as caught:
            parse(body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(caught.value.pointer) > 60_000
    assert peak < 20 * len(body)


def test_values_are_counted_as_they_are_read(monkeypatch: pytest.MonkeyPatch):
    """For any text: one value fewer than it holds is too few to be allowed, as many are enough."""
    for seed in range(200):
        value, count = made(Random(seed))
        body = json.dumps(value, indent=seed % 3 or None).encode()
        monkeypatch.setattr(strict_json, "MOST_NODES", count)
        assert parse(body) == value
        monkeypatch.setattr(strict_json, "MOST_NODES", count - 1)
        with pytest.raises(JsonRefused, match="more than"):
            parse(body)


def made(random: Random, depth: int = 0) -> tuple[object, int]:
    """Make a value up, of texts that look like structure; say how many values it holds."""
    leaves: list[Callable[[], object]] = [
        lambda: random.choice(['[,{"', "\\", '\\"', "", "]}", "é\n"]),
        lambda: random.choice([0, -1.5, None, True]),
    ]
    kind = random.randrange(4) if depth < 4 else random.randrange(2)
    if kind < 2:
        return leaves[kind](), 1
    parts = [made(random, depth + 1) for _ in range(random.randrange(5))]
    count = 1 + sum(held for _, held in parts)
    if kind == 2:
        return [part for part, _ in parts], count
    return {f'{index}":[{{,': part for index, (part, _) in enumerate(parts)}, count
