"""Conditions: expressions that are true or false of named values, or cannot be told."""

from collections.abc import Collection, Mapping

from agent_workers.expressions.budget import Budget
from agent_workers.expressions.errors import Malformed, NoValue, TooCostly
from agent_workers.expressions.expression import expression


class CannotTell(Exception):
    """A condition is neither true nor false of these values; the message says why."""


def problem_of(condition: str, names: Collection[str]) -> str:
    """Say why a condition over these names can never be told, or nothing when it can."""
    try:
        unknown = sorted(expression(condition).names.difference(names))
    except Malformed as error:
        return str(error)
    return f"there is no {unknown[0]!r} here, only {', '.join(sorted(names))}" if unknown else ""


def is_condition(text: str, names: Collection[str]) -> bool:
    """Tell a condition over these names from words that only a reader can judge."""
    return not problem_of(text, names) and bool(expression(text).names)


def holds(condition: str, known: Mapping[str, object], budget: Budget) -> bool:
    """Say whether a condition holds of these values, or raise CannotTell."""
    try:
        told = expression(condition).value(known, budget)
    except (Malformed, NoValue, TooCostly) as error:
        raise CannotTell(str(error)) from None
    if not isinstance(told, bool):
        raise CannotTell("it is neither true nor false")
    return told
