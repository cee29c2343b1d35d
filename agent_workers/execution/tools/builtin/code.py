"""The tool `python_code`: runs Python that a model wrote, where it can harm nobody."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import Field, JsonValue

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import ToolError
from agent_workers.domain.tool import tool
from agent_workers.execution.sandbox.ports import (
    Bounds,
    CodeRunner,
    Died,
    Finished,
    OutOfMemory,
    Program,
    Raised,
    Ran,
    Refused,
    TimedOut,
    TooMuchOutput,
)

_LONGEST = 50_000
_MOST_S = 60
_PRINTED = 2_000
_Code = Annotated[
    str,
    Field(
        min_length=1,
        max_length=_LONGEST,
        description="print() what is to be seen, or leave it in a variable named result",
    ),
]
_Given = Annotated[
    dict[str, JsonValue], Field(max_length=50, description="values, by the names of variables")
]


class CodeFailed(ToolError):
    """The program did not come to its end; the message says how it ended instead."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeResult:
    result: JsonValue
    printed: str


@tool(effect=EffectClass.PURE, timeout=timedelta(seconds=2 * _MOST_S))
def python_code(
    code: _Code,
    given: _Given | None = None,
    seconds: Annotated[int, Field(ge=1, le=_MOST_S)] = 10,
    *,
    runner: CodeRunner,
) -> CodeResult:
    """Run Python 3 for calculations: no network, no files, no packages. Nothing is kept."""
    wall = timedelta(seconds=seconds)
    bounds = Bounds(wall=wall, cpu=wall)
    finished = _finished(runner.run(Program(source=code, given=given or {}), bounds))
    return CodeResult(result=_json(finished.value), printed=finished.printed)


def _finished(ran: Ran) -> Finished:
    match ran:
        case Finished():
            return ran
        case Raised():
            printed = f"\nprinted before: {ran.printed[-_PRINTED:]}" if ran.printed else ""
            raise CodeFailed("code_raised", f"{ran.error}: {ran.message}{printed}")
        case TimedOut():
            raise CodeFailed("code_timed_out", f"not done within {ran.after.total_seconds():g} s")
        case OutOfMemory():
            raise CodeFailed("code_out_of_memory", f"it needs more than {ran.memory} bytes")
        case TooMuchOutput():
            raise CodeFailed("code_too_much_output", f"it gives more than {ran.output} bytes")
        case Died():
            raise CodeFailed("code_died", f"the interpreter died: {ran.how}")
        case Refused():
            raise CodeFailed("code_refused", ran.reason)


def _json(value: object) -> JsonValue:
    """Say to the type checker what `read_json` has made sure of."""
    match value:
        case str() | bool() | int() | float() | None:
            return value
        case list():
            return [_json(one) for one in value]
        case Mapping():
            return {str(name): _json(one) for name, one in value.items()}
        case _:
            raise CodeFailed("code_refused", f"its result is {type(value).__name__}, not JSON")


CODE_TOOLS = (python_code,)
