"""Checks by schemas that strangers wrote: nothing is fetched, and no schema can hold us up."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import Draft202012Validator, extend, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from agent_workers.domain.text.encoding import canonical

# What is wrong, and where in the value.
Misfit = tuple[tuple[str | int, ...], str]
# Any: what jsonschema hands to the function of a keyword, and gets from it.
Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError] | None]
MOST_PROBLEMS: Final = 5
_LONGEST: Final = 200
# A schema that refers to itself in two ways doubles the work with every level.
_MOST_STEPS: Final = 100_000
_COST: Final = {"$ref": 20, "$dynamicRef": 20, "$recursiveRef": 20}
# A pattern can take longer than we live; servers check these things themselves.
_LEFT_OUT: Final = frozenset(
    "format pattern patternProperties propertyNames unevaluatedItems unevaluatedProperties"
    " uniqueItems".split()
)


class _TooMuchWork(Exception):
    """A check took more steps than any honest schema needs."""


class _Steps(threading.local):
    """How many steps a check may still take; each thread checks on its own."""

    left = 0

    def counted(self, name: str, keyword: Keyword) -> Keyword:
        def check(
            checker: Any,  # noqa: ANN401 (see Keyword)
            wanted: Any,  # noqa: ANN401
            value: Any,  # noqa: ANN401
            schema: Any,  # noqa: ANN401
        ) -> Iterator[ValidationError]:
            self.left -= _COST.get(name, 1)
            if self.left < 0:
                raise _TooMuchWork
            # Which properties are additional ones, patterns would say.
            if name in _LEFT_OUT or (
                name == "additionalProperties" and "patternProperties" in schema
            ):
                return
            yield from keyword(checker, wanted, value, schema) or ()

        return check


def schema_mistake(schema: Mapping[str, object]) -> str:
    """Say why nothing could ever be checked by a schema; nothing when it can."""
    try:
        misfits(schema, {})
    except SchemaError as error:
        return str(error.message)[:_LONGEST]
    except (Unresolvable, TypeError, ValueError, RecursionError) as error:
        return f"{type(error).__name__}: {error}"[:_LONGEST]
    return ""


# Any: JSON of whatever shape.
def misfits(schema: Mapping[str, object], value: Any) -> list[Misfit]:  # noqa: ANN401
    """Say where a value differs from a schema, the first few places."""
    checker, steps = _checker(canonical(schema))
    steps.left = _MOST_STEPS
    try:
        found = list(islice(checker.iter_errors(value), MOST_PROBLEMS))
    except (_TooMuchWork, RecursionError):
        return [((), "checking it takes too long")]
    return [(tuple(error.absolute_path), _said(error)) for error in found]


@lru_cache(maxsize=512)
def _checker(schema: bytes) -> tuple[Validator, _Steps]:
    read = json.loads(schema)
    kind = validator_for(read, default=Draft202012Validator)
    kind.check_schema(read)
    steps = _Steps()
    known = kind.VALIDATORS.items()
    counted = extend(kind, {name: steps.counted(name, keyword) for name, keyword in known})
    # An empty registry: what a schema refers to is never fetched from anywhere.
    checker: Validator = counted(_undated(read), registry=Registry())
    return checker, steps


# Any: JSON. A part that names another draft would be checked by that draft's own rules.
def _undated(part: Any) -> Any:  # noqa: ANN401 (see above)
    if isinstance(part, dict):
        return {
            name: _undated(value)
            for name, value in part.items()
            if name != "$schema" or not isinstance(value, str)
        }
    return [_undated(one) for one in part] if isinstance(part, list) else part


def _said(error: ValidationError) -> str:
    # The end of a long message says what is wrong; its beginning is the value.
    message = str(error.message)
    return message if len(message) <= _LONGEST else f"…{message[-_LONGEST:]}"
