"""JSON schemas of answers: whether one can work at all, and what is wrong with an answer."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import Draft202012Validator, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from agent_workers.domain.agents.agent import Agent
from agent_workers.domain.agents.mistakes import Mistake
from agent_workers.domain.text.encoding import canonical

_FENCED = re.compile(r"```\w*\n(.*)\n```", re.DOTALL)
MOST_PROBLEMS: Final = 3
_LONGEST: Final = 200


def schema_mistakes(agent: Agent) -> Iterator[Mistake]:
    """Say why no answer of an agent could ever be checked against its schema."""
    if agent.output is None:
        return
    try:
        _checker(canonical(agent.output)).is_valid(None)
    except SchemaError as error:
        yield Mistake(f"output{error.json_path[1:]}", error.message[:_LONGEST])
    except Unresolvable as error:
        yield Mistake(
            "output", f"it refers to a schema elsewhere, and none is fetched: {error}"[:_LONGEST]
        )
    except (TypeError, ValueError) as error:
        yield Mistake("output", f"it is not JSON: {error}")


# Any: a JSON schema, and JSON of whatever shape a model or a function answered.
def misfits(schema: Mapping[str, Any], answer: Any) -> tuple[str, ...]:  # noqa: ANN401 (see above)
    """Say where an answer differs from its schema, the first few places."""
    found = sorted(_errors(schema, answer), key=lambda error: error.json_path)
    return tuple(map(_said, islice(found, MOST_PROBLEMS)))


def as_promised(schema: Mapping[str, Any], answer: Any) -> Any:  # noqa: ANN401 (as above)
    """Read JSON out of a model's text where that is what fits; else give the answer as it is."""
    if not isinstance(answer, str) or not misfits(schema, answer):
        return answer
    try:
        read = json.loads(_unfenced(answer))
    except (ValueError, RecursionError):
        return answer
    return answer if isinstance(read, str) else read


def _errors(schema: Mapping[str, Any], answer: object) -> Iterator[ValidationError]:
    try:
        yield from _checker(canonical(schema)).iter_errors(answer)
    except RecursionError:
        yield ValidationError("it is nested too deeply")


@lru_cache(maxsize=256)
def _checker(schema: bytes) -> Validator:
    read = json.loads(schema)
    kind = validator_for(read, default=Draft202012Validator)
    kind.check_schema(read)
    # An empty registry: what a schema refers to is never fetched from anywhere.
    checker: Validator = kind(read, registry=Registry())
    return checker


def _said(error: ValidationError) -> str:
    # The end of a long message says what is wrong; its beginning is the value.
    message = error.message if len(error.message) <= _LONGEST else f"…{error.message[-_LONGEST:]}"
    return f"{error.json_path}: {message}"


def _unfenced(text: str) -> str:
    """Take a Markdown fence off: models like to put one around JSON."""
    fenced = _FENCED.fullmatch(text.strip())
    return fenced.group(1) if fenced else text
