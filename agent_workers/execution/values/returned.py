"""What planners, evaluators and checks returned: held against what they may return, as JSON."""

from collections.abc import Callable
from typing import Any

from agent_workers.domain.errors import BadReturn
from agent_workers.domain.text.encoding import MOST_BYTES, bounded, canonical, cut_from
from agent_workers.domain.text.places import line_of
from agent_workers.execution.users_code.calling import call_users
from agent_workers.execution.values.plain import NotJson, plain


# Any: a planner, evaluator or check is the user's function.
def named(role: str, agent: str, function: Callable[..., Any] | None) -> str:
    """Name a function of an agent by what it is there for, and by where it stands."""
    at = line_of(function) if function else ""
    return f"{role} of {agent!r} ({at})" if at else f"{role} of {agent!r}"


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
