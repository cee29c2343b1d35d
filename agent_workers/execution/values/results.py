"""What a tool returns: written as JSON, and held against its return annotation."""

import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, Final, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
from pydantic_core import ErrorDetails
from typing_extensions import override

from agent_workers.domain.errors import BadResult
from agent_workers.domain.text.encoding import MOST_BYTES, bounded, cut_from
from agent_workers.domain.tools.tool import Transaction
from agent_workers.execution.users_code.calling import call_users
from agent_workers.execution.values.plain import (
    NotJson,
    described,
    first_described,
    path_of,
    plain,
    told_of,
)

_LONGEST = 500
_MOST_PROBLEMS = 5
# Annotations that promise nothing.
ANYTHING: Final = (Any, object, Transaction)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultShape:
    """What a tool's return annotation promises; without one every JSON value fits."""

    tool: str = "it"
    # The annotation as its author wrote it.
    declared: str = ""
    # Any: of whatever type the annotation names.
    adapter: TypeAdapter[Any] | None = None
    schema: Mapping[str, object] | None = None

    def promised(self, result: object) -> bytes:
        """Write what a tool returned; raise `BadResult` unless it is JSON, and as was promised."""
        try:
            value = self._plain(result)
        except NotJson as error:
            raise BadResult(f"{self.tool} returned {error}"[:_LONGEST]) from None
        written = bounded(value)
        problem = self._cut(written)
        if not problem and not (self.adapter is None or _is_valid(self.adapter, result)):
            problem = self._misfit(written, type(result))
        if problem:
            raise BadResult(problem)
        return written

    def kept(self, result: object) -> bytes:
        """Write whatever a tool returned; this never fails, because a result may be proof."""
        try:
            return bounded(self._plain(result))
        except Exception:  # noqa: BLE001  # a value's own code may do anything; it is kept all the same
            return _kept(result)

    def objection(self, written: bytes) -> str:
        """Say how a result that was kept is not what was promised; empty when it is.

        Its values are not repeated.
        """
        if problem := self._cut(written):
            return problem
        unfit = first_described(json.loads(written))
        if unfit is not None:
            return f"{self.tool} returned {told_of(unfit)}"[:_LONGEST]
        return "" if self.adapter is None else self._misfit(written)

    def _plain(self, result: object) -> object:
        """Write it as the annotation says, which may know more of it than its own type does."""
        if self.adapter is None:
            return call_users(plain, result)
        try:
            told = call_users(self.adapter.dump_python, result, warnings=False)
        except Exception:  # noqa: BLE001  # as above: then it is written as its own type says
            told = result
        try:
            return call_users(plain, told)
        except NotJson as error:
            if not error.is_key:
                # Some serializers are for JSON only.
                with suppress(Exception):
                    dump = self.adapter.dump_python
                    return call_users(plain, call_users(dump, result, mode="json", warnings=False))
            raise

    def _cut(self, written: bytes) -> str:
        size = cut_from(written)
        if not size:
            return ""
        less = "return less, or write it into a file of the job (Workspace)"
        return f"{self.tool} returned {size:,} bytes; {MOST_BYTES:,} are allowed: {less}"

    def _misfit(self, written: bytes, returned: type | None = None) -> str:
        assert self.adapter is not None
        try:
            # Models write their members by name, whatever they are called where they come in.
            check = self.adapter.validate_json
            call_users(check, written, strict=True, by_alias=True, by_name=True)
        except ValidationError as error:
            value = json.loads(written)
            return self._told(error, value, returned or type(value))[:_LONGEST]
        except Exception as error:  # noqa: BLE001  # a user's validator may raise anything
            return f"what {self.tool} returned cannot be checked: {type(error).__name__}"
        return ""

    def _told(self, error: ValidationError, value: object, returned: type) -> str:
        problems = error.errors(include_url=False, include_input=False, include_context=False)
        places = [tuple(_steps(problem, value)) for problem in problems]
        if not any(places) and all(_is_of_type(problem) for problem in problems):
            gave = "None" if returned is type(None) else returned.__name__
            return f"{self.tool} declares {self.declared} but returned {gave}"
        told = [
            f"at {path_of(place)}: {problem['msg']}" if place else problem["msg"]
            for place, problem in list(zip(places, problems, strict=True))[:_MOST_PROBLEMS]
        ]
        more = _more(problems, told)
        return f"{self.tool} returned something other than it declares: {'; '.join(told)}{more}"


NO_SHAPE = ResultShape()


# Any: an annotation is any type at all.
def shape_of(annotation: Any, tool: str = "it") -> ResultShape:  # noqa: ANN401 (see above)
    """Read a return annotation; what JSON schema cannot say promises nothing."""
    if get_origin(annotation) is Transaction:
        (annotation,) = get_args(annotation)
    if annotation in ANYTHING:
        return ResultShape(tool=tool)
    try:
        adapter: TypeAdapter[Any] = TypeAdapter(annotation)
        return ResultShape(
            tool=tool,
            declared=_named(annotation),
            adapter=adapter,
            schema=adapter.json_schema(mode="serialization"),
        )
    except (PydanticUserError, PydanticUndefinedAnnotation, TypeError, ValueError):
        return ResultShape(tool=tool)


def problems_of(error: ValidationError, *, whole: str = "it") -> str:
    """Say what is wrong with JSON without repeating its values."""
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    told = [
        f"{'.'.join(str(part) for part in p['loc']) or whole}: {p['msg']}"
        for p in problems[:_MOST_PROBLEMS]
    ]
    return "; ".join(told) + _more(problems, told)


# Any: as above.
def _named(annotation: Any) -> str:  # noqa: ANN401 (as above)
    if get_origin(annotation) is Annotated:
        return _named(get_args(annotation)[0])
    if annotation is None:
        return "None"
    is_plain = inspect.isclass(annotation) and not get_args(annotation)
    return annotation.__qualname__ if is_plain else inspect.formatannotation(annotation)


def _kept(result: object) -> bytes:
    try:
        return bounded(call_users(described, result))
    except Exception:  # noqa: BLE001  # as above
        return bounded(described(_Unspeakable(type(result).__name__)))


class _Unspeakable:
    """Stands for a result whose own code lets nobody look at it."""

    def __init__(self, name: str) -> None:
        self._name = name

    @override
    def __repr__(self) -> str:
        return self._name


def _steps(problem: ErrorDetails, value: Any) -> Iterator[str | int]:  # noqa: ANN401 (as above)
    """Where a problem lies; pydantic puts words of its own between, as the members of unions."""
    for part in problem["loc"]:
        if isinstance(value, dict) and str(part) in value:
            value = value[str(part)]
            yield part
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
            yield part
    if problem["type"] == "missing":
        yield problem["loc"][-1]


def _is_of_type(problem: ErrorDetails) -> bool:
    return problem["type"].endswith("_type") or problem["type"] == "none_required"


def _more(problems: Sequence[object], told: Sequence[object]) -> str:
    more = len(problems) - len(told)
    return f"; and {more} more" if more else ""


# Any: as above.
def _is_valid(adapter: TypeAdapter[Any], result: object) -> bool:
    try:
        call_users(adapter.validate_python, result, strict=True)
    except Exception:  # noqa: BLE001  # a user's validator may raise anything
        return False
    return True
