"""Fills a trigger's template from an event, and measures what comes of it."""

import json
import math
from collections.abc import Mapping
from json.encoder import encode_basestring_ascii
from typing import Final, TypeVar

from agent_workers.expressions.budget import Budget
from agent_workers.expressions.errors import NoValue, TooCostly
from agent_workers.expressions.expression import expression
from agent_workers.orchestration.triggers.template import Template, Text, Written

LARGEST_INPUT: Final = 1 << 20
# What a value of the input takes: it is looked at, measured and written.
_STEPS_PER_VALUE: Final = 8
_CHARACTERS_PER_STEP: Final = 32
_SHOWN: Final = 100

_Value = TypeVar("_Value")


class TemplateFailed(Exception):
    """A trigger matched, but its template cannot be filled from this event."""


def filled(template: Template, known: Mapping[str, object], budget: Budget) -> bytes:
    """Return the input of the job that this event starts, as JSON."""
    try:
        value = _Filling(known, budget).value(template.whole)
    except TooCostly as error:
        raise TemplateFailed(str(error)) from None
    if not isinstance(value, str | dict):
        raise TemplateFailed("the input must be a string or an object")
    return json.dumps(value, sort_keys=True, allow_nan=False).encode("ascii")


class _Filling:
    """Measures while it fills: a short template can ask for gigabytes."""

    def __init__(self, known: Mapping[str, object], budget: Budget) -> None:
        self._known = known
        self._budget = budget
        self._room = LARGEST_INPUT

    def value(self, template: object) -> object:
        match template:
            case Text():
                return self._text(template)
            case dict():
                return {self._kept(name): self.value(value) for name, value in template.items()}
            case list():
                return [self.value(value) for value in template]
            case _:
                return self._kept(template)

    def _text(self, text: Text) -> object:
        """A text that is one expression becomes its value; others have values written into them."""
        match text.parts:
            case (Written() as whole,):
                return self._kept(self._value_of(whole))
            case parts:
                return "".join(self._written(part) for part in parts)

    def _written(self, part: str | Written) -> str:
        if isinstance(part, str):
            return self._kept(part)
        value = self._kept(self._value_of(part))
        if isinstance(value, str):
            return value
        return json.dumps(value, sort_keys=True, allow_nan=False, ensure_ascii=False)

    def _value_of(self, part: Written) -> object:
        try:
            return expression(part.source).value(self._known, self._budget)
        except (NoValue, TooCostly) as error:
            raise TemplateFailed(f"{part.source[:_SHOWN]}: {error}") from None

    def _kept(self, value: _Value) -> _Value:
        """Take what a value needs, as JSON with its commas, from the room that is left."""
        waiting: list[object] = [value]
        while waiting:
            one = waiting.pop()
            self._budget.spend(_STEPS_PER_VALUE)
            match one:
                case dict():
                    self._take(2 + 2 * len(one))
                    waiting += (*one, *one.values())
                case list():
                    self._take(2 + len(one))
                    waiting += one
                case str():
                    self._budget.spend(len(one) // _CHARACTERS_PER_STEP)
                    self._take(len(encode_basestring_ascii(one)) + 1)
                case _:
                    self._take(_length(one) + 1)
        return value

    def _take(self, size: int) -> None:
        self._room -= size
        if self._room < 0:
            raise TemplateFailed(f"the input has more than {LARGEST_INPUT} bytes")


def _length(value: object) -> int:
    """Return how long a value is that holds no other, as JSON; bool is an int to Python."""
    match value:
        case None | bool():
            return len("false")
        case int():
            return len(int.__repr__(value))
        case float() if math.isfinite(value):
            return len(float.__repr__(value))
        case _:
            kind = type(value).__name__
            raise TemplateFailed(f"a value cannot be written as JSON: it is a {kind}")
