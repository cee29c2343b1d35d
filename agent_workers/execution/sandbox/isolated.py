"""Calls a tool that is declared `isolated` in a child process: what happens there stays there.

The child has the bounds of the kernel, an empty environment and, where there is bubblewrap, a
machine of its own that sees code and nothing else. It ends with the tool's time.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import (
    AgentWorkersError,
    NotExecuted,
    RaisedInside,
    ToolError,
    TryLater,
)
from agent_workers.domain.tools.tool import Absent, Call, Contradictory, Found, Tool
from agent_workers.domain.trouble import trouble_told
from agent_workers.execution.sandbox.confining.confined import confine
from agent_workers.execution.sandbox.confining.processes import Ended, NotStarted, run_bounded
from agent_workers.execution.sandbox.isolated_child import BEGUN
from agent_workers.execution.sandbox.ports import MIB, Allowed, Bounds, NoBoundary
from agent_workers.execution.sandbox.python.answers import out_of_time

_MOST: Final = 8 * MIB
_PROCESSES: Final = 64
_MEMORY: Final = 1_024 * MIB
_FILES: Final = 256
_DISK: Final = 64 * MIB
# Its folders are ours, because it is not known to the interpreter that starts alone.
_BEGIN: Final = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from agent_workers.execution.sandbox.isolated_child import main; main()"
)


class ToolDied(AgentWorkersError):
    """The child process ended without an answer; the message says how."""

    code = "tool_died"


class ToolTimedOut(AgentWorkersError):
    """The child process was ended, because the tool's time was over."""

    retryable = True
    code = "timeout"


def call_isolated(
    declared: Tool, arguments: bytes, call: Call, *, looks_up: bool, hides: Sequence[Path]
) -> object:
    """Call the tool, or its look-up; return or raise what it did, as if it had been called here."""
    told = {
        "module": declared.function.__module__,
        "name": declared.name,
        "looks_up": looks_up,
        # Its own is another one; places in code are told from here.
        "folder": os.getcwd(),  # noqa: PTH109
        "arguments": arguments.decode(),
        "call": {**asdict(call), "job_id": call.job_id.hex},
    }
    ended = _run(json.dumps(told).encode("ascii"), declared, hides)
    try:
        answered = _answer(ended, declared)
        if isinstance(raised := answered.get("raised"), dict):
            raise _again(raised)
    except AgentWorkersError as error:
        if ended.output.startswith(BEGUN) or declared.effect is EffectClass.PURE:
            raise
        uncalled = NotExecuted(f"it was not called: {error}")
        uncalled.trouble = error.trouble
        raise uncalled from None
    return _saw(answered) if looks_up else answered.get("returned")


def _run(told: bytes, declared: Tool, hides: Sequence[Path]) -> Ended:
    timeout = declared.timeout
    path = [str(Path(place or os.getcwd()).absolute()) for place in sys.path]  # noqa: PTH109
    command = [sys.executable, "-I", "-X", "utf8", "-c", _BEGIN, json.dumps(path)]
    bounds = Bounds(
        wall=timeout, cpu=None, memory=_MEMORY, files=_FILES, disk=_DISK, processes=_PROCESSES
    )
    there = [Path(place) for place in path if Path(place).exists()]
    try:
        allowed = Allowed(reads=there, hides=hides, ports=declared.network)
        confined = confine(command, allowed=allowed, bounds=bounds)
    except NoBoundary as error:
        # It has not been started, so nothing has happened.
        raise ToolError(
            f"it is declared `isolated`, and cannot be isolated here: {error}"
        ) from None
    try:
        return run_bounded(
            confined.argv,
            confined.environment,
            given=told,
            most=_MOST,
            wall=timeout,
            memory=_MEMORY,
        )
    except NotStarted as error:
        if declared.effect is EffectClass.PURE:
            raise
        raise NotExecuted(str(error)) from None


# Any: JSON, of the shapes that `isolated_child.py` writes.
def _answer(ended: Ended, declared: Tool) -> dict[str, Any]:
    if out_of_time(ended):
        raise ToolTimedOut(
            f"not done within {declared.timeout.total_seconds():g} s;"
            f" raise `timeout` of tool {declared.name!r} if it needs more"
        )
    if ended.too_much_memory:
        raise ToolDied(f"it used more than {_MEMORY >> 20} MiB of memory, with all that it started")
    if ended.too_much:
        raise ToolDied(f"it returned more than {_MOST} bytes")
    try:
        answered = json.loads(ended.output)
    except (ValueError, RecursionError):
        answered = None
    if not isinstance(answered, dict):
        said = "".join(f": {line}" for line in ended.said.strip().splitlines()[-1:])
        raise ToolDied(f"its process ended with code {ended.code}{said}"[:500])
    return answered


def _saw(answered: Mapping[str, Any]) -> object:
    if "found" in answered:
        return Found(answered["found"])
    if "absent" in answered:
        return Absent()
    return Contradictory(str(answered.get("contradictory")))


def _again(raised: Mapping[str, Any]) -> AgentWorkersError:
    error = _of_kind(raised)
    error.trouble = trouble_told(raised.get("trouble"))
    return error


def _of_kind(raised: Mapping[str, Any]) -> AgentWorkersError:
    code, message = str(raised.get("code")), str(raised.get("message"))
    match raised.get("kind"):
        case "not_executed":
            return _named(NotExecuted(message), code)
        case "try_later":
            return _named(TryLater(message), code)
        case "tool_error":
            return _named(ToolError(message), code)
        case _:
            return RaisedInside(message, code=code, retryable=bool(raised.get("retryable")))


def _named(error: ToolError, code: str) -> ToolError:
    error.code = code
    return error
