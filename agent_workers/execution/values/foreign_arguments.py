"""The arguments of a tool whose schema somebody else wrote, as a model like those of our own."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import RootModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError
from typing_extensions import override

from agent_workers.execution.values.foreign_schema import misfits

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
