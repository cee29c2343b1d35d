"""Fills a trigger's template from an event: each ${…} in its texts is an expression."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from agent_workers.domain.trigger import Trigger, TriggerRefused
from agent_workers.domain.trigger_event import CloudEvent
from agent_workers.expressions.budget import Budget
from agent_workers.expressions.conditions import problem_of
from agent_workers.expressions.errors import NoValue, TooCostly
from agent_workers.expressions.expression import expression
from agent_workers.orchestration.triggers_matching import KNOWN, variables_of

LARGEST_INPUT: Final = 1 << 20
MOST_EXPRESSIONS: Final = 100
# A template is written by hand; what is larger belongs into the event.
LARGEST_TEMPLATE: Final = 65_536


_Value = TypeVar("_Value")


class TemplateFailed(Exception):
    """A trigger matched, but its template cannot be filled from this event."""


@dataclass(frozen=True, slots=True)
class _Expression:
    text: str


def filled(trigger: Trigger, event: CloudEvent, budget: Budget) -> bytes:
    """Return the input of the job that this event starts, as JSON."""
    value = _Filling(variables_of(event), budget).value(trigger.template)
    if not isinstance(value, str | dict):
        raise TemplateFailed("the input must be a text or an object")
    return json.dumps(value, sort_keys=True, allow_nan=False).encode("ascii")


def check_template(trigger: Trigger) -> None:
    """Refuse a trigger whose template can never be filled."""
    texts = list(_texts(trigger.template))
    if sum(map(len, texts)) > LARGEST_TEMPLATE:
        problem = f"the texts of a template have at most {LARGEST_TEMPLATE} characters"
        raise TriggerRefused(problem, pointer="/input")
    parts = [part for text in texts for part in _parts(text)]
    expressions = [part.text for part in parts if isinstance(part, _Expression)]
    if len(expressions) > MOST_EXPRESSIONS:
        problem = f"a template has at most {MOST_EXPRESSIONS} expressions"
        raise TriggerRefused(problem, pointer="/input")
    for text in expressions:
        problem = problem_of(text, KNOWN)
        if problem:
            raise TriggerRefused(f"{text[:100]}: {problem}", pointer="/input")


class _Filling:
    """Measures while it fills: a short template can ask for gigabytes."""

    def __init__(self, known: Mapping[str, object], budget: Budget) -> None:
        self._known = known
        self._budget = budget
        self._room = LARGEST_INPUT

    def value(self, template: object) -> object:
        match template:
            case str():
                return self._text(template)
            case dict():
                return {self._kept(name): self.value(value) for name, value in template.items()}
            case list():
                return [self.value(value) for value in template]
            case _:
                return self._kept(template)

    def _text(self, text: str) -> object:
        """A text that is one expression becomes its value; others have values written into them."""
        parts = list(_parts(text))
        match parts:
            case [_Expression() as whole]:
                return self._kept(self._value_of(whole))
            case _:
                return "".join(self._written(part) for part in parts)

    def _written(self, part: str | _Expression) -> str:
        if isinstance(part, str):
            return self._kept(part)
        value = self._kept(self._value_of(part))
        return value if isinstance(value, str) else _json(value, ensure_ascii=False)

    def _value_of(self, part: _Expression) -> object:
        try:
            return expression(part.text).value(self._known, self._budget)
        except (NoValue, TooCostly) as error:
            raise TemplateFailed(f"{part.text}: {error}") from None

    def _kept(self, value: _Value) -> _Value:
        """Take what a value needs, as JSON with its commas, from the room that is left."""
        waiting: list[object] = [value]
        while waiting:
            one = waiting.pop()
            match one:
                case dict():
                    self._take(2 + 2 * len(one))
                    waiting += (*one, *one.values())
                case list():
                    self._take(2 + len(one))
                    waiting += one
                case _:
                    self._take(len(_json(one)) + 1)
        return value

    def _take(self, size: int) -> None:
        self._room -= size
        if self._room < 0:
            raise TemplateFailed(f"the input has more than {LARGEST_INPUT} bytes")


def _json(value: object, *, ensure_ascii: bool = True) -> str:
    try:
        return json.dumps(value, sort_keys=True, allow_nan=False, ensure_ascii=ensure_ascii)
    except (TypeError, ValueError) as error:
        raise TemplateFailed(f"a value cannot be written as JSON: {error}") from None


def _texts(template: object) -> Iterator[str]:
    match template:
        case str():
            yield template
        case dict():
            for value in template.values():
                yield from _texts(value)
        case list():
            for value in template:
                yield from _texts(value)
        case _:
            pass


def _parts(text: str) -> Iterator[str | _Expression]:
    """Split a text at its ${…}; `$${` is a plain `${`."""
    at = 0
    while at < len(text):
        start = text.find("${", at)
        if start < 0:
            yield text[at:]
            return
        if start > at and text[start - 1] == "$":
            yield text[at : start - 1] + "${"
            at = start + 2
            continue
        if start > at:
            yield text[at:start]
        end = _end(text, start + 2)
        yield _Expression(text[start + 2 : end])
        at = end + 1


def _end(text: str, start: int) -> int:
    """Find the brace that ends an expression: not one of its own maps, nor one in its texts."""
    depth, quote = 0, ""
    at = start
    while at < len(text):
        one = text[at]
        if quote:
            at += one == "\\"
            quote = "" if one == quote else quote
        elif one in "\"'":
            quote = one
        elif one == "{":
            depth += 1
        elif one == "}" and depth == 0:
            return at
        elif one == "}":
            depth -= 1
        at += 1
    raise TriggerRefused("a ${ has no end", pointer="/input")
