"""A tool's signature as a schema: what arguments it takes, checked before it is called."""

import hashlib
import inspect
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, Self, get_type_hints

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError, create_model
from pydantic.errors import PydanticUserError
from pydantic_core import InitErrorDetails, PydanticCustomError
from typing_extensions import override

from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.text.places import place_of
from agent_workers.domain.tools.facility import (
    Give,
    NotBegun,
    NotInstalled,
    is_facility,
    no_facilities,
)
from agent_workers.domain.tools.tool import Call, Tool, ToolFunction
from agent_workers.execution.users_code.calling import call_users, call_within
from agent_workers.execution.values.foreign_schema import misfits
from agent_workers.execution.values.results import ANYTHING, NO_SHAPE, ResultShape, shape_of

_NOT_ARGUMENTS = frozenset({"call", "return"})
_STRICTLY = ConfigDict(extra="forbid", protected_namespaces=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The arguments of one tool, as a model and as the JSON schema that planners see; its result."""

    model: type[BaseModel]
    schema: Mapping[str, object]
    schema_hash: str
    takes_call: bool
    result: ResultShape = NO_SHAPE

    def read(self, arguments: bytes) -> dict[str, object]:
        """Check arguments and return them as the function wants them."""
        checked = call_users(self.model.model_validate_json, arguments or b"{}")
        return {name: getattr(checked, name) for name in self.model.model_fields}


def signature_of(declared: Tool) -> Signature:
    """Read a tool's signature; refuse what cannot be told to a planner."""
    named = f"tool {declared.name!r} ({place_of(declared.function)})"
    try:
        return _read(declared, named)
    except (NameError, AttributeError, TypeError, PydanticUserError) as error:
        said = str(error).partition("\n")[0].partition(". ")[0]
        raise Misdeclared(f"{named}: its annotations make no JSON schema: {said}") from error


def _read(declared: Tool, named: str) -> Signature:
    given = sorted(facilities_of(declared.function)) if declared.isolated else []
    if given:
        raise Misdeclared(
            f"{named} is isolated, so a worker cannot give it {', '.join(given)}: remove that"
            " argument, or isolated="
        )
    hints = get_type_hints(declared.function, include_extras=True)
    model, schema = _arguments_of(declared, named, hints)
    told = [declared.name, declared.description, schema, declared.version]
    canonical = json.dumps(told if declared.version else told[:-1], sort_keys=True)
    return Signature(
        model=model,
        schema=schema,
        schema_hash=hashlib.sha256(canonical.encode()).hexdigest(),
        takes_call=takes_call(declared.function),
        result=shape_of(hints.get("return", object), declared.name),
    )


def _arguments_of(
    declared: Tool, named: str, hints: Mapping[str, object]
) -> tuple[type[BaseModel], dict[str, object]]:
    if declared.schema is not None:
        return model_of(declared.name, declared.schema), dict(declared.schema)
    model = create_model(
        declared.name, __config__=_STRICTLY, **_fields(named, declared.function, hints)
    )
    schema = model.model_json_schema()
    schema.pop("title", None)
    return model, schema


def takes_call(function: ToolFunction) -> bool:
    return "call" in inspect.signature(function).parameters


def invoke(
    function: ToolFunction,
    arguments: Mapping[str, object],
    call: Call,
    give: Give = no_facilities,
    *,
    within: timedelta | None = None,
) -> object:
    """Call a tool's function, with its `call` and the facilities that it asks for.

    `within`: how long a coroutine may take.
    """
    try:
        given = {name: give(wanted, call) for name, wanted in facilities_of(function).items()}
    except NotInstalled as error:
        raise NotBegun(str(error)) from None
    if takes_call(function):
        given["call"] = call
    return call_within(within, function, **arguments, **given)


def promises_nothing(function: ToolFunction) -> bool:
    """Say whether a return annotation leaves open what comes back."""
    return get_type_hints(function).get("return", object) in ANYTHING


def argument_names(function: ToolFunction) -> dict[str, bool]:
    """The parameters that are arguments, and whether each must be given."""
    given = {*_NOT_ARGUMENTS, *facilities_of(function)}
    parameters = inspect.signature(function).parameters.items()
    return {name: one.default is one.empty for name, one in parameters if name not in given}


@lru_cache(maxsize=1_024)
def facilities_of(function: ToolFunction) -> Mapping[str, type]:
    """The parameters that the worker fills in, and of which type each is."""
    hints = get_type_hints(function)
    return {name: hint for name, hint in hints.items() if name != "return" and is_facility(hint)}


# Any: pydantic's create_model takes field definitions of any type.
def _fields(named: str, function: ToolFunction, hints: Mapping[str, object]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in _NOT_ARGUMENTS or is_facility(hints.get(parameter.name)):
            continue
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            raise Misdeclared(
                f"{named}: a planner cannot fill {str(parameter).partition(':')[0]}: list the arguments by name"
            )
        if parameter.name not in hints:
            raise Misdeclared(f"{named}: argument {parameter.name!r} needs a type")
        if parameter.name.startswith("_"):
            raise Misdeclared(f"{named}: argument {parameter.name!r} must not begin with '_'")
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (hints[parameter.name], default)
    return fields


# Any: a JSON object of the shape that the schema says.
Arguments = dict[str, Any]


class ForeignArguments(RootModel[Arguments]):
    """They reach the tool's function as one, under the name `root`."""


def model_of(name: str, schema: Mapping[str, object]) -> type[ForeignArguments]:
    """Make the model of the arguments of one tool."""

    class Checked(ForeignArguments):
        @override
        @classmethod
        # Any: as pydantic declares what it is given.
        def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
            read = super().model_validate_json(json_data, **options)
            found = [_problem(place, words) for place, words in misfits(schema, read.root)]
            if found:
                raise ValidationError.from_exception_data(name, found)
            return read

    return Checked


def _problem(place: tuple[str | int, ...], words: str) -> InitErrorDetails:
    # The words may hold braces of a value: they come in as the value of a template.
    told = PydanticCustomError("foreign_schema", "{words}", {"words": words})
    return InitErrorDetails(type=told, loc=place, input=None)
