"""Conditions in the Common Expression Language: told true or false of named values, or not at all."""

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final

import cel

from agent_workers.domain.json_values import holds_more_than

LONGEST: Final = 1_000
# `x in result` within a loop looks at each value for each: 5,000 take half a second.
MOST_LOOPED_OVER: Final = 5_000
# One loop over the data is linear; loops within loops would keep a processor busy.
_LOOP = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(")
_LONGEST_REASON = 300


class CannotTell(Exception):
    """A condition is neither true nor false of these values; the message says why."""


def problem_of(expression: str, names: Collection[str]) -> str:
    """Say why a condition over these names can never be told, or nothing when it can."""
    if len(expression) > LONGEST:
        return f"a condition has at most {LONGEST} characters"
    if len(_LOOP.findall(expression)) > 1:
        return "a condition loops at most once"
    try:
        named = _compiled(expression).variables()
    except Exception as error:  # noqa: BLE001 (the library raises whatever fits)
        return _said(error)
    unknown = sorted(set(named) - set(names))
    if unknown and not _LOOP.search(expression):  # what a loop binds counts as a name
        return f"there is no {unknown[0]!r} here, only {sorted(names)!r}"
    return ""


def is_condition(text: str, names: Collection[str]) -> bool:
    """Tell a condition over these names from words that only a reader can judge."""
    if problem_of(text, names):
        return False
    return not set(names).isdisjoint(_compiled(text).variables())


def holds(expression: str, known: Mapping[str, object]) -> bool:
    """Say whether a condition holds of these values, or raise `CannotTell`."""
    problem = problem_of(expression, known)
    if problem:
        raise CannotTell(problem)
    program = _compiled(expression)
    # Only what is named: turning values into the library's own costs more than the condition.
    used = {name: known[name] for name in program.variables() if name in known}
    if _LOOP.search(expression) and holds_more_than(MOST_LOOPED_OVER, used):
        raise CannotTell(f"it loops, and there are more than {MOST_LOOPED_OVER} values")
    try:
        told: object = program.execute(used)
    except Exception as error:  # noqa: BLE001 (the library raises whatever fits)
        raise CannotTell(_said(error)) from None
    if not isinstance(told, bool):
        raise CannotTell("it is neither true nor false")
    return told


@lru_cache(maxsize=2_048)
def _compiled(expression: str) -> cel.Program:
    return cel.compile(expression)


def _said(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"there is no member {error.args[0]!r}"
    # The library's second sentence is a lesson.
    first = " ".join(str(error).split()).split(". ")[0]
    return first[:_LONGEST_REASON] or type(error).__name__
