"""What an expression costs is bounded, whatever a stranger writes: counted in steps, not in time."""

import pytest

from agent_workers.expressions.budget import Budget
from agent_workers.expressions.errors import NoValue, TooCostly
from agent_workers.expressions.expression import Expression, expression

NUMBERS = list(range(4_000))
WORDS = [f"word{number}" for number in NUMBERS]
LONG = "a" * 900_000
STEPS = 200_000


@pytest.mark.parametrize(
    ("source", "data"),
    [
        ("data.all(a, data.all(b, data.all(c, data.all(d, a + b + c + d >= 0))))", NUMBERS),
        ("data.//x\nall(id, data.existsOne(type, type == id))", NUMBERS),
        ("data.all(x, x in data)", NUMBERS),
        ("data.all(x, x in data)", WORDS),
        ("data.all(x, data == data)", WORDS),
        ("data.all(x, (data + data).size() > 0)", NUMBERS),
        ("data.map(x, data.map(y, data))", NUMBERS),
        ("[data].map(x, x+x+x+x+x+x).map(y, y+y+y+y+y+y)[0] == ''", LONG),
        ("data.matches('(a|b){0,200}c')", LONG),
        ("[1,2,3,4,5,6,7,8,9,10].all(x, data.contains('aaab') || true)", LONG),
        ("[1,2,3,4,5,6,7,8,9,10].all(x, [data, data] == [data, data])", LONG),
        (
            "data.all(g, [data].all(h, !(data[0] + '!' in h)))",
            [LONG[:9_000] + str(n) for n in range(90)],
        ),
        ("data.all(x, duration(data) == 1) || data.all(x, data.all(y, true))", NUMBERS),
        ("data.all(x, duration('1h1m1s1ms1us1ns') == duration('1h1m1s1ms1us1ns'))", NUMBERS),
        ("data.all(x, timestamp('2026-01-31T12:00:00.123456+05:00') > timestamp(x))", NUMBERS * 2),
        ("data.all(x, string(x) == string(1.5e100 * x) || true)", NUMBERS * 2),
        ("[data,data,data,data].all(x, x.map(y, [[[y]]]) == x.map(y, [[[y]]]))", NUMBERS),
    ],
)
def test_what_costs_too_much_is_ended(source: str, data: object) -> None:
    with pytest.raises(TooCostly):
        expression(source).value({"data": data}, Budget(STEPS))


@pytest.mark.parametrize(("length", "part"), [(2_400, 1_200), (29_999, 99)])
def test_a_search_pays_for_each_place_that_python_compares(length: int, part: int) -> None:
    needle = "a" * (part // 2) + "b" + "a" * (part - part // 2 - 1)
    budget = Budget(STEPS)
    expression("text.contains(part)").value({"text": "a" * length, "part": needle}, budget)
    assert STEPS - budget.left > length * part // 1_000


@pytest.mark.parametrize(
    ("source", "data"),
    [
        ("data.exists(x, x == 3999)", NUMBERS),
        ("data.filter(x, x.startsWith('word39')).size() == 111", WORDS),
        ("'word3999' in data", WORDS),
        ("data.matches('(a+)+$')", LONG[:100_000]),
        ("data.contains('b') == false && size(data) == 900000", LONG),
        (
            "data.all(one, one.sku != '' && one.price * one.count < 1000.0)",
            [{"sku": "a", "price": 1.5, "count": 3}] * 4_000,
        ),
    ],
)
def test_what_honest_conditions_need_is_there(source: str, data: object) -> None:
    assert expression(source).value({"data": data}, Budget(STEPS)) is True


def test_a_failed_side_is_forgiven_but_what_it_cost_is_not() -> None:
    with pytest.raises(TooCostly):
        expression("data.all(x, data.all(y, true)) || true").value({"data": NUMBERS}, Budget(STEPS))


def test_who_evaluates_an_expression_first_pays_for_parsing_it() -> None:
    heavy = Expression("'a'.matches('(x|y){1,200}z')")
    first, second = Budget(STEPS), Budget(STEPS)
    heavy.value({}, first)
    heavy.value({}, second)
    assert STEPS - first.left > 1_000
    assert STEPS - second.left < 100


def test_values_that_are_nested_too_deep_have_no_value() -> None:
    deep: object = 1
    for _ in range(100_000):
        deep = [deep]
    assert "too deep" in _why("data == other", data=deep, other=[deep])


@pytest.mark.parametrize(
    "source",
    [
        "timestamp('9999-12-31T23:59:59-23:59')",
        "timestamp('0001-01-01T00:00:00+23:59')",
        "timestamp(99999999999999)",
        "timestamp('2026-01-01T00:00:00Z') + duration('999999999999999999h')",
        "int(1.0 / 0.0)",
        "double('1e999') * 0.0 == int(1e30)",
        "duration(data)",
        "duration([data, data])",
        "timestamp(data)",
    ],
)
def test_values_at_the_end_of_what_there_is_have_no_value(source: str) -> None:
    with pytest.raises(NoValue) as failed:
        expression(source).value({"data": NUMBERS}, Budget(STEPS))
    assert len(str(failed.value)) < 200


def test_a_pattern_that_was_forgotten_is_paid_for_again() -> None:
    source = "'a'.matches('(x|y){1,200}z')"
    expression(source).value({}, Budget(STEPS))
    for number in range(64):
        expression(f"'a'.matches('{number}')")
    budget = Budget(STEPS)
    expression(source).value({}, budget)
    assert STEPS - budget.left > 1_000


def _why(source: str, **known: object) -> str:
    try:
        return str(expression(source).value(known, Budget(10_000_000)))
    except Exception as error:  # noqa: BLE001 (its message is what is asked for)
        return str(error)
