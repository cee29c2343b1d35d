"""The cause of a failed job: the step that failed, in a sentence, and what made that fail in turn."""

import re
from dataclasses import dataclass
from typing import Final

from agent_workers.domain.trouble import storable

_LONGEST: Final = 2_000
_LONGEST_INSIDE: Final = 500
# Jobs may start jobs so deep and deeper; what lies further down is told by those jobs themselves.
_DEEPEST: Final = 5
# How the words of an exception begin: those that a tool said on purpose have no type before them.
_TYPE_FIRST: Final = re.compile(r"[A-Z]\w*: ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """What failed: a tool, or where none is named, the planner or evaluator at this position."""

    code: str
    message: str
    position: int | None = None
    tool: str = ""
    where: str = ""
    cause: "Cause | None" = None

    def told(self) -> dict[str, object]:
        """Give the cause as it is stored and shown."""
        return {
            "code": self.code,
            "message": storable(self.message),
            "tool": self.tool or None,
            "position": self.position,
            "where": storable(self.where) or None,
            "cause": self.cause.told() if self.cause else None,
        }


def sentence(who: str, code: str, message: str, where: str = "") -> str:
    """Say who failed and how: `Tool 'lookup' raised KeyError: 'nokey' (tools.py:12)`."""
    line = where.rpartition(" in ")[0] or where
    at = f" ({line})" if line else ""
    message = message[:_LONGEST]
    match code:
        case "bad_arguments":
            return f"{who} was called with wrong arguments: {message}{at}"
        case "bad_result":
            tool, _, rest = message.partition(" ")
            if who == tool_named(tool):  # "lookup returned …", or "lookup declares …"
                return f"{who} {rest}{at}"
            return f"{who} gave a result that cannot be used: {message}{at}"
        case _ if line and _TYPE_FIRST.match(message):
            return f"{who} raised {message}{at}"
        case _:
            return f"{who} failed: {message}{at}"


def how_it_ended(message: str) -> str:
    """Say how an attempt ended whose message this is: it raised something, or something else."""
    message = message.rstrip(" .:")
    return f"raised {message}" if _TYPE_FIRST.match(message + ": ") else f"ended with: {message}"


def tool_named(tool: str) -> str:
    return f"Tool {tool!r}"


def cause_read(told: object, depth: int = 0) -> Cause | None:
    """Read a cause that was stored; whatever it is, what comes back is bounded."""
    if not isinstance(told, dict) or not isinstance(told.get("code"), str) or depth >= _DEEPEST:
        return None
    position = told.get("position")
    return Cause(
        code=told["code"],
        message=str(told.get("message") or "")[:_LONGEST_INSIDE],
        position=position if isinstance(position, int) else None,
        tool=str(told.get("tool") or ""),
        where=str(told.get("where") or "")[:_LONGEST_INSIDE],
        cause=cause_read(told.get("cause"), depth + 1),
    )


def cause_of_error(error: object) -> Cause | None:
    """Read what made another job fail out of its error: the step if it names one, or what it says."""
    if not isinstance(error, dict):
        return None
    return cause_read(error.get("cause")) or cause_read(error)
