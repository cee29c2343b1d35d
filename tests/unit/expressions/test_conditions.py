"""Conditions: what can be told, and what never can."""

import pytest

from agent_workers.expressions.budget import Budget
from agent_workers.expressions.conditions import CannotTell, holds, is_condition, problem_of

NAMES = ("result", "results")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("result > 1", ""),
        ("result.all(x, x > 1)", ""),
        ("result.all(x, x.exists(y, y > 1))", ""),
        ("result.all(x, y > 1)", "there is no 'y' here"),
        ("result == '" + "x" * 1_000 + "'", "more than 1000 characters"),
        ("result >", "the expression ends"),
        ("other > 1", "there is no 'other' here"),
    ],
)
def test_what_can_never_be_told_is_known_before_it_is_asked(text: str, problem: str) -> None:
    said = problem_of(text, NAMES)
    assert bool(said) == bool(problem)
    assert problem in said
    assert is_condition(text, NAMES) is not bool(problem)


@pytest.mark.parametrize("words", ["done", "true", "'yes'", "1 == 1", "the result is nice", ""])
def test_what_names_nothing_that_is_known_is_only_words(words: str) -> None:
    assert not is_condition(words, NAMES)


def test_a_condition_that_costs_too_much_cannot_be_told() -> None:
    with pytest.raises(CannotTell, match="too many steps"):
        holds("result.all(x, x in result)", {"result": list(range(4_000))}, Budget(200_000))
    assert holds("size(result) == 200000", {"result": list(range(200_000))}, Budget(200))


def test_only_what_is_named_is_looked_at() -> None:
    assert holds("result == 1", {"result": 1, "results": object()}, Budget(1_000))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("result.x", "no member 'x'"),
        ("result + 1 > 1", "map . int is not defined"),
        ("'a'", "neither true nor"),
    ],
)
def test_what_cannot_be_told_of_these_values_says_why_in_one_sentence(text: str, told: str) -> None:
    with pytest.raises(CannotTell, match=told) as cannot:
        holds(text, {"result": {}}, Budget(1_000))
    assert len(str(cannot.value)) < 200
