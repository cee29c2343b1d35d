"""The tool `python_code`: runs Python that a model wrote, where it can harm nobody."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from pydantic import Field, JsonValue

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import ToolError
from agent_workers.domain.tools.declaring import tool
from agent_workers.domain.trouble import trouble_told
from agent_workers.execution.sandbox.ports import Bounds, CodeRunner, Finished, Program, Raised, Ran
from agent_workers.execution.sandbox.telling import code_of, told

_LONGEST = 50_000
_MOST_S = 60
_PRINTED = 2_000
_PLACES = re.compile(r'^  File "<program>", line (\d{1,9}), in (.{1,100})$', re.MULTILINE)
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
    if isinstance(ran, Finished):
        return ran
    printed = ran.printed[-_PRINTED:] if isinstance(ran, Raised) else ""
    before = f"\nprinted before: {printed}" if printed else ""
    failed = CodeFailed(code_of(ran), f"{told(ran)}{before}")
    if isinstance(ran, Raised):
        way = f"Traceback (most recent call last):\n{ran.way}" if ran.way else ""
        failed.trouble = trouble_told(
            {"type": ran.error, "where": _last(ran.way), "traceback": f"{way}{told(ran)}\n"}
        )
    raise failed


def _last(way: str) -> str:
    """Name the last line of a program's traceback as those of files are named."""
    places = _PLACES.findall(way)
    return "" if not places else f"<program>:{places[-1][0]} in {places[-1][1]}"


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
