"""Says what is wrong with a body in plain sentences, whatever words pydantic has for it."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from agent_workers.domain.text.nearest import did_you_mean
from api.http.forms import IN_WORDS
from api.problems import Mistake

_LONGEST = 400
_SHORT = 60
# What pydantic calls a mistake, and what we say of it, with its own members filled in.
_SAID = {
    "missing": "is required",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "list_type": "must be a list",
    "datetime_type": "must be a time like 2030-01-31T12:00:00Z",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must have {min_length} or more characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have {min_length} or more members",
    "too_long": "must have at most {max_length} members",
    # Our own validators speak plainly already.
    "value_error": "{error}",
}
# After these what was given says nothing new.
_WITHOUT_GIVEN = frozenset(
    {"missing", "value_error", "string_too_short", "string_too_long", "too_short", "too_long"}
)
_OBJECT = frozenset({"model_type", "model_attributes_type", "dict_type"})


def mistake_of(error: ErrorDetails, model: type[BaseModel]) -> Mistake:
    place = error["loc"]
    if not place and error["type"] in _OBJECT:
        return Mistake(pointer="", detail=f"The body must be a JSON object like {_example(model)}.")
    return Mistake(pointer=_pointer(place), detail=_said(error, model)[:_LONGEST])


def _said(error: ErrorDetails, model: type[BaseModel]) -> str:
    kind = error["type"]
    if kind == "extra_forbidden":
        return _unknown(error["loc"], model)
    context: Mapping[str, Any] = error.get("ctx", {})
    if kind == "string_pattern_mismatch":
        return IN_WORDS.get(context["pattern"], f"must match {context['pattern']}")
    if kind not in _SAID:
        return error["msg"].replace("Input should", "must")
    said = _SAID[kind].format_map(context)
    return said if kind in _WITHOUT_GIVEN else f"{said}, not {_shown(error['input'])}"


def _unknown(place: tuple[int | str, ...], model: type[BaseModel]) -> str:
    if len(place) > 1:  # of a part, whose members we do not look up
        return "is not known here"
    known = list(model.model_fields)
    instead = did_you_mean(str(place[-1]), known) or f"known: {', '.join(known) or 'no members'}"
    return f"is not known here; {instead}"


def _shown(given: object) -> str:
    """Show what was given if it is short, and else what kind of value it is."""
    match given:
        case dict():
            return "an object"
        case list():
            return "a list"
        case _:
            shown = json.dumps(given, ensure_ascii=True, default=str)
            return shown if len(shown) <= _SHORT else f"{shown[:_SHORT]}…"


def _example(model: type[BaseModel]) -> str:
    needed = [name for name, field in model.model_fields.items() if field.is_required()]
    return "{" + ", ".join(f'"{name}": …' for name in needed) + "}"


def _pointer(place: Iterable[int | str]) -> str:
    # pydantic says `[key]` when the mistake is in the name of a member.
    names = [str(part) for part in place if part != "[key]"]
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)
