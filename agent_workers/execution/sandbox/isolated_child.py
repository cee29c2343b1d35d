"""Calls one tool in a child process, and writes what came of it; started by its path."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module
from typing import Any
from uuid import UUID

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import NotExecuted, ToolError, TryLater
from agent_workers.domain.tools.tool import Absent, Call, Contradictory, Found, Tool
from agent_workers.domain.tracing import trouble_of
from agent_workers.execution.users_code.breaking import broke_of
from agent_workers.execution.values.plain import described, no_sight
from agent_workers.execution.values.signature import invoke, signature_of

# Stands before the answer, once the tool is called; to JSON it is nothing.
BEGUN = b"\n"


# Any: JSON, of the shapes that `isolated.py` writes and reads.
def answer(told: dict[str, Any], begin: Callable[[], None]) -> dict[str, Any]:
    """Find the tool by its module and name, call it, and say what it returned or raised.

    `begin` is called right before the tool: nothing has happened before it.
    """
    try:
        declared = _found(told["module"], told["name"])
        signature = signature_of(declared)
        function = declared.look_up if told["looks_up"] else declared.function
        assert function is not None
        arguments = signature.read(told["arguments"].encode())
        call = Call(**{**told["call"], "job_id": UUID(told["call"]["job_id"])})
        begin()
        result = invoke(function, arguments, call)
        return _saw(result) if told["looks_up"] else {"returned": _plain(declared, result)}
    except Exception as error:  # noqa: BLE001  # a tool is the user's code: it may raise anything
        return {"raised": _raised(error, str(told.get("folder") or "."))}


def _found(module: str, name: str) -> Tool:
    for one in vars(import_module(module)).values():
        if isinstance(one, Tool) and one.name == name:
            return one
    raise LookupError(
        f"module {module!r} has no tool {name!r}: declare an isolated tool at the top level of its module"
    )


def _plain(declared: Tool, result: object) -> object:
    shape = signature_of(declared).result
    is_pure = declared.effect is EffectClass.PURE
    return json.loads(shape.promised(result) if is_pure else shape.kept(result))


def _saw(result: object) -> dict[str, Any]:
    match result:
        case Found():
            return {"found": described(result.result)}
        case Absent():
            return {"absent": True}
        case Contradictory():
            return {"contradictory": result.reason}
        case _:
            return {"contradictory": no_sight(result)}


def _raised(error: Exception, folder: str) -> dict[str, Any]:
    broke = broke_of(error)
    return {
        "kind": _kind(error),
        "code": broke.code,
        "message": str(error) if isinstance(error, ToolError) else broke.message,
        "retryable": broke.retryable,
        "trouble": asdict(trouble_of(error, folder)),
    }


def _kind(error: Exception) -> str:
    match error:
        case NotExecuted():
            return "not_executed"
        case TryLater():
            return "try_later"
        case ToolError():
            return "tool_error"
        case _:
            return "other"


def _begin(answers: int) -> None:
    os.write(answers, BEGUN)


def main() -> None:
    told = json.loads(sys.stdin.buffer.read())
    # What the tool prints goes where errors go: the answer has the pipe for itself.
    answers = os.dup(1)
    os.dup2(2, 1)
    written = json.dumps(answer(told, lambda: _begin(answers))).encode("ascii")
    with os.fdopen(answers, "wb") as pipe:
        pipe.write(written)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
