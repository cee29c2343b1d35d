"""What expressions mean: values, refusals, and what cannot be told."""

from datetime import UTC, datetime, timedelta

import pytest

from agent_workers.expressions.budget import Budget
from agent_workers.expressions.errors import Malformed, NoValue
from agent_workers.expressions.expression import expression

DATA = {
    "n": 100,
    "x": 1.5,
    "s": "héllo",
    "l": [1, 2, 3],
    "m": {"a": 1},
    "t": "2026-11-30T10:00:00+01:00",
    "none": None,
    "yes": True,
}


def value(source: str) -> object:
    return expression(source).value({"data": DATA}, Budget(100_000))


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("1 + 2 * 3 - 4", 3),
        ("-7 / 2", -3),
        ("-7 % 3", -1),
        ("7 / 2.0", 3.5),
        ("data.n * 1.1 > 109.9", True),
        ("1.0 / 0.0 > 1e300", True),
        ("-9223372036854775808", -(2**63)),
        ("--1", 1),
        ("0x1F", 31),
        (".5 + 1e3", 1000.5),
        ("data.n == 100.0", True),
        ("1 == true", False),
        ("'1' == 1", False),
        ("1 in [true]", False),
        ("2.0 in data.l", True),
        ("'a' in data.m", True),
        ("'a' in ['b', 'a']", True),
        ("data.l == [1.0, 2, 3]", True),
        ("data.m != {'a': 2}", True),
        ("'b' > 'a' && 1 < 1.5", True),
        ("data.s.size() + size(data.l) + size(data.m)", 9),
        ("data.s.contains('ll') && data.s.startsWith('h') && data.s.endsWith('o')", True),
        ("data.s.matches('^h.*o$')", True),
        ("data.s.matches('(a+)+$')", False),
        ("data['m'].a + data.l[2]", 4),
        ("has(data.m.a) && !has(data.m.b)", True),
        ("data.none == null", True),
        ("data.yes ? 'y' : data.missing", "y"),
        ("true || data.missing", True),
        ("data.missing || true", True),
        ("data.missing && false", False),
        ("data.l.all(x, x > 0)", True),
        ("data.l.exists(x, 1 / (x - 1) == 1)", True),
        ("data.l.exists_one(x, x == 2) && data.l.existsOne(x, x == 2)", True),
        ("data.l.filter(x, x > 1)", [2, 3]),
        ("data.l.map(x, x * 2)", [2, 4, 6]),
        ("data.l.map(x, x > 1, {'v': x})", [{"v": 2}, {"v": 3}]),
        ("data.m.map(name, data.m[name])", [1]),
        ("data.l.map(data, data + 1)", [2, 3, 4]),
        ("data.l.all(id, data.l.exists(type, type == id))", True),
        ("data.l.//a comment\nall(x, x > 0)", True),
        ("[1, 2,] + [3]", [1, 2, 3]),
        (r"'\x41\u00e9\'\n' + r'\d' + '''it's'''", "Aé'\n\\dit's"),
        ("type(1) == int && type(data.l) == list && type(null) == null_type", True),
        ("string(1.0) + string(data.n) + string(true)", "1100true"),
        ("int('12') + int(1.9) + int(-1.9)", 12),
        ("double('1.5') + double(1)", 2.5),
        ("bool('true')", True),
        ("timestamp(data.t)", datetime(2026, 11, 30, 9, tzinfo=UTC)),
        ("string(timestamp(data.t) + duration('90m'))", "2026-11-30T10:30:00Z"),
        ("timestamp(data.t) - timestamp('2026-11-30T08:59:00Z')", timedelta(minutes=1)),
        ("timestamp(data.t) > timestamp('2026-01-01T00:00:00Z')", True),
        ("timestamp(data.t).getMonth() + timestamp(data.t).getDayOfWeek()", 11),
        ("duration('1h30m').getMinutes()", 90),
        ("string(duration('-1.5s'))", "-1.5s"),
    ],
)
def test_an_expression_has_a_value(source: str, made: object) -> None:
    assert value(source) == made


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("", "the expression ends"),
        ("1 +", "the expression ends"),
        ("(1", "where ')' should be"),
        ("data..a", "where a name should be"),
        ("data.a b", "there is 'b'"),
        ("'a", "is not closed"),
        ("'a\nb'", "is not closed"),
        (r"'\q'", "is not an escape sequence"),
        (r"'\ud800'", "is not a Unicode character"),
        ("a # b", "has no meaning"),
        ("if", "reserved word"),
        ("9223372036854775808", "64 bits"),
        ("has(data)", "has takes a member"),
        ("data.l.all(x)", "where ',' should be"),
        ("data.l.all(x, true, true)", "a name and a condition"),
        ("data.l.all(1, true)", "where a name should be"),
        ("data.reduce(x, x)", "no function 'reduce'"),
        ("size(1, 2)", "takes 1 value, not 2"),
        ("data.s.matches(data.s)", "in quotes"),
        ("data.s.matches('(')", "is not a regular expression"),
        ("data.s.matches('(a|b){0,900}c')", "too large"),
        ("(" * 40 + "1" + ")" * 40, "nested deeper"),
        ("!" * 40 + "true", "there is '!'"),
        ("'" + "x" * 1_000 + "'", "more than 1000 characters"),
    ],
)
def test_what_is_no_expression_is_refused_with_its_place(source: str, problem: str) -> None:
    with pytest.raises(Malformed) as refused:
        expression(source)
    assert problem in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("other", "no 'other'"),
        ("data.missing", "no member 'missing'"),
        ("data.s.size", "no member 'size' in a value of type string"),
        ("data.l[3]", "no item 3 in a list of 3"),
        ("data.l[-1]", "no item -1"),
        ("data.l['a']", "list[string]"),
        ("'a' + 1", "string + int"),
        ("1 < 'a'", "int < string"),
        ("[1] < [2]", "list < list"),
        ("-'a'", "-string"),
        ("1 / 0", "division by zero"),
        ("9223372036854775807 + 1", "64 bits"),
        ("!1", "true or false"),
        ("data.missing || false", "no member"),
        ("1 ? 2 : 3", "true or false"),
        ("1 in 2", "int in int"),
        ("data.n.all(x, true)", "int.all"),
        ("data.l.all(x, data.missing)", "no member"),
        ("size(1)", "size(int)"),
        ("int('1_0')", "cannot be read as int"),
        ("timestamp('2026-11-30T10:00:00')", "time zone"),
        ("timestamp('x')", "is not a time"),
        ("timestamp(true)", "timestamp(bool)"),
        ("duration('1 h')", "is not a duration"),
        ("timestamp(data.t) + duration('999999999999h')", "out of range"),
        ("{'a': 1, 'a': 2}", "twice"),
        ("{1: 2}", "a name in a map"),
    ],
)
def test_what_has_no_value_says_why(source: str, why: str) -> None:
    with pytest.raises(NoValue) as failed:
        value(source)
    assert why in str(failed.value)


def test_only_names_from_outside_are_asked_for() -> None:
    assert expression("a.all(x, x.y == b) && [c].exists(a, a > d)").names == {"a", "b", "c", "d"}
