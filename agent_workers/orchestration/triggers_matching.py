"""Matches events with triggers and fills input templates: pure, in the Common Expression Language."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cel

from agent_workers.domain.json_values import holds_more_than
from agent_workers.domain.trigger import Trigger, TriggerRefused, is_named
from agent_workers.domain.trigger_event import CloudEvent

LONGEST_EXPRESSION = 1_000
# A template is written by hand; what is larger belongs into the event.
LARGEST_TEMPLATE, MOST_EXPRESSIONS = 64 * 1024, 100
LARGEST_INPUT = 1 << 20
# `x in data.all` within a loop looks at each value for each, and no other thread of the process
# runs meanwhile: 5,000 take 180 ms, 1,000 take 4.
MOST_LOOPED_OVER = 1_000
# One loop over the data is linear; loops within loops would let one event keep a processor busy.
_LOOP = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(")
_ATTRIBUTES = (
    "id source specversion type subject time datacontenttype dataschema data data_base64".split()
)
_KNOWN = frozenset((*_ATTRIBUTES, "event"))


class TemplateFailed(Exception):
    """A trigger matched, but its template cannot be filled from this event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """Whether a trigger wants an event; `mistake` says why its condition could not be told."""

    wanted: bool
    mistake: str = ""


def matching(trigger: Trigger, event: CloudEvent) -> Matching:
    """Say whether this trigger wants this event; a condition that cannot be told is not met."""
    if not is_named(event.type, trigger.types) or not is_named(event.source, trigger.sources):
        return Matching(wanted=False)
    known = variables_of(event)
    for expression in trigger.where:
        if _LOOP.search(expression) and holds_more_than(MOST_LOOPED_OVER, dict(event.members)):
            mistake = f"{expression}: it loops, and there are more than {MOST_LOOPED_OVER} values"
            return Matching(wanted=False, mistake=mistake)
        try:
            met = compiled(expression).execute(known)
        except Exception as error:  # noqa: BLE001 (the library raises whatever fits)
            return Matching(wanted=False, mistake=f"{expression}: {_said(error)}")
        if not isinstance(met, bool):
            return Matching(wanted=False, mistake=f"{expression}: is neither true nor false")
        if not met:
            return Matching(wanted=False)
    return Matching(wanted=True)


def filled(trigger: Trigger, event: CloudEvent) -> bytes:
    """Return the input of the job that this event starts, as JSON."""
    value = _filled(trigger.template, variables_of(event))
    if not isinstance(value, str | dict):
        raise TemplateFailed("the input must be a text or an object")
    try:
        # Sorted: what the library returns has no order, and the same event gives the same bytes.
        written = json.dumps(value, sort_keys=True, allow_nan=False).encode("ascii")
    except (TypeError, ValueError) as error:
        raise TemplateFailed(f"the input is no JSON: {error}") from None
    if len(written) > LARGEST_INPUT:
        raise TemplateFailed(f"the input has more than {LARGEST_INPUT} bytes")
    return written


def check(trigger: Trigger) -> None:
    """Refuse a trigger whose expressions cannot work, before any event comes."""
    for index, expression in enumerate(trigger.where):
        if len(_LOOP.findall(expression)) > 1:
            raise TriggerRefused("a condition loops at most once", pointer=f"/where/{index}")
        _check(expression, f"/where/{index}")
    texts = list(_texts(trigger.template))
    _check_size(texts)
    for text in texts:
        for part in _parts(text, "/input"):
            if isinstance(part, _Expression):
                if _LOOP.search(part.text):
                    raise TriggerRefused("a template does not loop", pointer="/input")
                _check(part.text, "/input")


def _check_size(texts: Sequence[str]) -> None:
    if sum(map(len, texts)) > LARGEST_TEMPLATE:
        detail = f"the texts of a template have at most {LARGEST_TEMPLATE} characters"
        raise TriggerRefused(detail, pointer="/input")
    if sum(text.count("${") for text in texts) > MOST_EXPRESSIONS:
        detail = f"a template has at most {MOST_EXPRESSIONS} expressions"
        raise TriggerRefused(detail, pointer="/input")


@lru_cache(maxsize=2_048)
def compiled(expression: str) -> cel.Program:
    return cel.compile(expression)


def variables_of(event: CloudEvent) -> dict[str, object]:
    """Return what expressions may name: each attribute, null where it is missing, and the event."""
    known: dict[str, object] = {name: event.members.get(name) for name in _ATTRIBUTES}
    return known | {"event": dict(event.members)}


@dataclass(frozen=True, slots=True)
class _Expression:
    text: str


def _check(expression: str, pointer: str) -> None:
    if len(expression) > LONGEST_EXPRESSION:
        raise TriggerRefused(
            f"an expression has at most {LONGEST_EXPRESSION} characters", pointer=pointer
        )
    try:
        named = compiled(expression).variables()
    except Exception as error:  # noqa: BLE001 (the library raises whatever fits)
        raise TriggerRefused(_said(error), pointer=pointer) from None
    unknown = sorted(set(named) - _KNOWN)
    if unknown and not _LOOP.search(expression):  # what a loop binds counts as a name
        raise TriggerRefused(f"there is no {unknown[0]!r} in an event", pointer=pointer)


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


def _filled(template: object, known: Mapping[str, object]) -> object:
    match template:
        case str():
            return _filled_text(template, known)
        case dict():
            return {name: _filled(value, known) for name, value in template.items()}
        case list():
            return [_filled(value, known) for value in template]
        case _:
            return template


def _filled_text(text: str, known: Mapping[str, object]) -> object:
    """A text that is one expression becomes its value; others have values written into them."""
    parts = list(_parts(text, "/input"))
    if len(parts) == 1 and isinstance(parts[0], _Expression):
        return _value(parts[0], known)
    return "".join(_written(_value(p, known)) if isinstance(p, _Expression) else p for p in parts)


def _value(expression: _Expression, known: Mapping[str, object]) -> object:
    try:
        value: object = compiled(expression.text).execute(dict(known))
    except Exception as error:  # noqa: BLE001 (the library raises whatever fits)
        raise TemplateFailed(f"{expression.text}: {_said(error)}") from None
    return value


def _written(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, sort_keys=True, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise TemplateFailed(f"a value cannot be written: {error}") from None


def _parts(text: str, pointer: str) -> Iterator[str | _Expression]:
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
        end = _end(text, start + 2, pointer)
        yield _Expression(text[start + 2 : end])
        at = end + 1


def _end(text: str, start: int, pointer: str) -> int:
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
    raise TriggerRefused("a ${ has no end", pointer=pointer)


def _said(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"there is no member {error.args[0]!r}"
    return " ".join(str(error).split())[:500] or type(error).__name__
