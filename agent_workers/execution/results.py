"""What a tool returns: written as JSON whatever it is, and held against its return annotation."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any, Final, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError

from agent_workers.domain.encoding import MOST_BYTES, total
from agent_workers.domain.tool import Transaction
from agent_workers.execution.users_code import call_users

_LONGEST = 500
_MOST_PROBLEMS = 5
# How `total` begins what it had to cut.
_CUT = b'{"truncated": true, "sha256": "'
# Annotations that promise nothing.
ANYTHING: Final = (Any, object, Transaction)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultShape:
    """What a tool's return annotation promises; without one every result fits."""

    # Any: of whatever type the annotation names.
    adapter: TypeAdapter[Any] | None = None
    schema: Mapping[str, object] | None = None

    def written(self, result: object) -> bytes:
        """Write whatever a tool returned; this never fails, because a result may be proof."""
        if self.adapter is None:
            return written(result)
        try:
            return total(call_users(self.adapter.dump_python, result, mode="json", warnings=False))
        except Exception:  # noqa: BLE001  # a value's own code may do anything; it is kept all the same
            return written(result)

    def objection(self, told: bytes, result: object = None) -> str:
        """Say how a result is not what was promised, without repeating it; empty when it is.

        `result`: what the tool returned, where that is known; its JSON form may look otherwise.
        """
        if self.adapter is None:
            return ""
        if told.startswith(_CUT):
            return f"the result is larger than {MOST_BYTES} bytes"
        if result is not None and _is_valid(self.adapter, result):
            return ""
        try:
            call_users(self.adapter.validate_json, told, strict=True)
        except ValidationError as error:
            return f"the result is not what the tool declares: {problems_of(error)}"[:_LONGEST]
        except Exception as error:  # noqa: BLE001  # a user's validator may raise anything
            return f"the result cannot be checked: {type(error).__name__}"
        return ""


NO_SHAPE = ResultShape()


# Any: an annotation is any type at all.
def shape_of(annotation: Any) -> ResultShape:  # noqa: ANN401 (see above)
    """Read a return annotation; what JSON schema cannot say promises nothing."""
    if get_origin(annotation) is Transaction:
        (annotation,) = get_args(annotation)
    if annotation in ANYTHING:
        return NO_SHAPE
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        return ResultShape(adapter=adapter, schema=adapter.json_schema(mode="serialization"))
    except (PydanticUserError, PydanticUndefinedAnnotation, TypeError, ValueError):
        return NO_SHAPE


def written(result: object) -> bytes:
    """Write a result of which nothing is promised; this never fails, as above."""
    with suppress(Exception):  # as above
        if isinstance(result, BaseModel):
            return total(call_users(result.model_dump, mode="json"))
        if is_dataclass(result) and not isinstance(result, type):
            return total(call_users(asdict, result))
    return total(result)


def problems_of(error: ValidationError, *, whole: str = "it") -> str:
    """Say what is wrong with JSON without repeating its values."""
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    told = [
        f"{'.'.join(str(part) for part in p['loc']) or whole}: {p['msg']}"
        for p in problems[:_MOST_PROBLEMS]
    ]
    more = len(problems) - len(told)
    return "; ".join(told) + (f"; and {more} more" if more else "")


# Any: as above.
def _is_valid(adapter: TypeAdapter[Any], result: object) -> bool:
    try:
        call_users(adapter.validate_python, result, strict=True)
    except Exception:  # noqa: BLE001  # a user's validator may raise anything
        return False
    return True
