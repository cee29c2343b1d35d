"""What planners, evaluators and checks returned: held against what they may return, as JSON."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent_workers.domain.encoding import MOST_BYTES, bounded, canonical, cut_from
from agent_workers.domain.errors import BadReturn
from agent_workers.execution.plain import NotJson, plain
from agent_workers.execution.users_code import call_users


# Any: a planner, evaluator or check is the user's function.
def named(role: str, agent: str, function: Callable[..., Any] | None) -> str:
    """Name a function of an agent by what it is there for, and by where it stands."""
    code = getattr(inspect.unwrap(function), "__code__", None) if function else None
    at = f" ({Path(code.co_filename).name}:{code.co_firstlineno})" if code else ""
    return f"{role} of {agent!r}{at}"


def answered(output: object, who: str) -> object:
    """Return an answer as JSON, or raise `BadReturn`."""
    try:
        value = call_users(plain, output, is_answer=True)
    except NotJson as error:
        raise BadReturn(f"{who} answered with {error}") from None
    size = cut_from(bounded(value))
    if size:
        raise BadReturn(f"{who} answered with {size:,} bytes; {MOST_BYTES:,} are allowed")
    return value


def arguments(given: object, tool: str, who: str) -> bytes:
    """Write the arguments of a planned call, or raise `BadReturn`."""
    try:
        return canonical(call_users(plain, given))
    except NotJson as error:
        raise BadReturn(f"{who} planned {tool!r} with {error}") from None
