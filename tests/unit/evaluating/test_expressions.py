"""Conditions: what can be told, what never can, and that none keeps a processor busy."""

import time

import pytest

from agent_workers.execution.expressions import CannotTell, holds, is_condition, problem_of

NAMES = ("result", "results")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("result > 1", ""),
        ("result.all(x, x > 1)", ""),
        ("result.all(x, x.exists(y, y > 1))", "loops at most once"),
        ("result == '" + "x" * 1_000 + "'", "at most 1000 characters"),
        ("result >", "Failed to parse"),
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


def test_no_condition_loops_over_more_than_it_can_in_a_moment() -> None:
    began_at = time.process_time()
    with pytest.raises(CannotTell, match="more than 5000 values"):
        holds("result.all(x, x in result)", {"result": {"deep": list(range(200_000))}})
    assert time.process_time() - began_at < 2
    assert holds("result.all(x, x in result)", {"result": list(range(4_000))})
    assert holds("size(result) == 200000", {"result": list(range(200_000))})


def test_only_what_is_named_is_looked_at() -> None:
    assert holds("result == 1", {"result": 1, "results": object()})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("result.x", "no member 'x'"),
        ("result + 1 > 1", "Unsupported operation"),
        ("'a'", "neither true nor"),
    ],
)
def test_what_cannot_be_told_of_these_values_says_why_in_one_sentence(text: str, told: str) -> None:
    with pytest.raises(CannotTell, match=told) as cannot:
        holds(text, {"result": {}})
    assert len(str(cannot.value)) < 200
