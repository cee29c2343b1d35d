"""The calls that the engine does itself: one table of what each takes, and the strict reading of it."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import Enum, auto
from typing import Final, TypeGuard

from agent_workers.domain.agents.engine_tools import (
    ASK_PERSON,
    DELEGATE,
    HAND_OFF,
    SEND_EVENT,
    WAIT,
    WAIT_FOR_EVENT,
)
from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.ids import JobId, from_wire

LONGEST_S = 3_653 * 24 * 3_600  # ten years
LONGEST_NAME = 200
LONGEST_QUESTION = 4_000
LONGEST_CHOICE = 500
MOST_CHOICES = 50
MOST_USD = 999_999
_MICRO = 1_000_000


class BadArguments(AgentWorkersError):
    """A call asks the engine for something that cannot be."""

    code = "bad_arguments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegate:
    """Let a job of another agent do it."""

    agent: str
    input: str | Mapping[str, object]
    # What the other job may cost; None: nothing was said.
    max_cost_micro: int | None = None
    timeout: timedelta | None = None
    # Why it hands over, for people who read the call.
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendEvent:
    job_id: JobId
    name: str
    data: object = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AwaitEvent:
    name: str
    timeout: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleep:
    span: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The call that a question is about, and the tool that the plan named in it."""

    id: str
    tool: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    question: str
    choices: tuple[str, ...] = ()
    timeout: timedelta | None = None
    about: About | None = None


EngineCall = Delegate | SendEvent | AwaitEvent | Sleep | Question


class Kind(Enum):
    """What an argument is."""

    TEXT = auto()
    INPUT = auto()
    JOB = auto()
    JSON = auto()
    CHOICES = auto()
    SECONDS = auto()
    DOLLARS = auto()
    # Only the engine itself says which call a question is about; no model is told of it.
    CALL = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    kind: Kind = Kind.TEXT
    required: bool = False
    # Of a text.
    least: int = 1
    longest: int = LONGEST_NAME
    # The member of the call that it becomes, where that has another name.
    into: str = ""


@dataclass(frozen=True, slots=True)
class EngineTool:
    """One of these calls: what a model is told of it, and what it takes."""

    description: str
    make: Callable[..., EngineCall]
    arguments: Mapping[str, Argument]


_NAME: Final = Argument(required=True)
_INPUT: Final = Argument(kind=Kind.INPUT, required=True)
_TIMEOUT: Final = Argument(kind=Kind.SECONDS, into="timeout")
_COST: Final = Argument(kind=Kind.DOLLARS, into="max_cost_micro")
_REASON: Final = Argument(least=0, longest=LONGEST_QUESTION)
_JOB: Final = Argument(kind=Kind.JOB, required=True)
_SPAN: Final = Argument(kind=Kind.SECONDS, required=True, into="span")
_QUESTION: Final = Argument(required=True, longest=LONGEST_QUESTION)
_CHOICES: Final = Argument(kind=Kind.CHOICES)
ENGINE_TOOLS: Final[Mapping[str, EngineTool]] = {
    DELEGATE: EngineTool(
        "Let another agent do a part of the work, and go on with its answer.",
        Delegate,
        {"agent": _NAME, "input": _INPUT, "max_cost_usd": _COST, "timeout_seconds": _TIMEOUT},
    ),
    HAND_OFF: EngineTool(
        "Let another agent take over for good: its answer is the answer.",
        Delegate,
        {"agent": _NAME, "input": _INPUT, "reason": _REASON},
    ),
    SEND_EVENT: EngineTool(
        "Send an event to another job, which may be waiting for it.",
        SendEvent,
        {"job_id": _JOB, "name": _NAME, "data": Argument(kind=Kind.JSON)},
    ),
    WAIT_FOR_EVENT: EngineTool(
        "Wait until an event of this name is sent to this job.",
        AwaitEvent,
        {"name": _NAME, "timeout_seconds": _TIMEOUT},
    ),
    WAIT: EngineTool("Let time pass before going on.", Sleep, {"seconds": _SPAN}),
    ASK_PERSON: EngineTool(
        "Ask a person, and wait for the answer; give choices where there are few.",
        Question,
        {"question": _QUESTION, "choices": _CHOICES, "timeout_seconds": _TIMEOUT}
        | {"about": Argument(kind=Kind.CALL)},
    ),
}


def read_call(tool: str, arguments: bytes) -> EngineCall:
    """Read what a call of this tool asks for, or raise `BadArguments`."""
    given = json.loads(arguments or b"{}")
    if not isinstance(given, dict):
        raise BadArguments("arguments: must be an object")
    known = ENGINE_TOOLS[tool].arguments
    for name, argument in known.items():
        if argument.required and name not in given:
            raise BadArguments(f"{name}: is missing")
    unknown = sorted(given.keys() - known.keys())
    if unknown:
        raise BadArguments(f"{unknown[0]}: there is no such argument")
    read = {
        argument.into or name: _read(argument, name, given[name])
        for name, argument in known.items()
        # null says nothing, where nothing has to be said.
        if name in given
        and (argument.required or argument.kind is Kind.TEXT or given[name] is not None)
    }
    return ENGINE_TOOLS[tool].make(**read)


def _read(argument: Argument, name: str, value: object) -> object:
    if argument.kind is Kind.TEXT:
        return _text(name, value, argument.longest, least=argument.least)
    return _READERS[argument.kind](name, value)


def _text(name: str, value: object, longest: int, *, least: int = 1) -> str:
    if not isinstance(value, str) or not least <= len(value) <= longest or "\0" in value:
        raise BadArguments(f"{name}: must be a string of {least} to {longest} characters")
    return value


def _job(name: str, value: object) -> JobId:
    job_id = from_wire(value) if isinstance(value, str) else None
    if job_id is None:
        raise BadArguments(f"{name}: must be the id of a job")
    return job_id


def _choices(name: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MOST_CHOICES:
        raise BadArguments(f"{name}: must be a list of at most {MOST_CHOICES} strings")
    return tuple(_text(name, one, LONGEST_CHOICE) for one in value)


def _input(name: str, value: object) -> object:
    if not isinstance(value, str | dict):
        raise BadArguments(f"{name}: must be a string or an object")
    return value


def _span(name: str, value: object) -> timedelta:
    if not _is_number(value) or not 0 <= value <= LONGEST_S:
        raise BadArguments(f"{name}: must be a number of seconds from 0 to {LONGEST_S}")
    return timedelta(seconds=value)


def _micro(name: str, value: object) -> int:
    if not _is_number(value) or not 0 < value <= MOST_USD:
        raise BadArguments(f"{name}: must be an amount of dollars, more than 0")
    return math.ceil(Decimal(str(value)) * _MICRO)


def _about(name: str, value: object) -> About:
    if not isinstance(value, dict) or value.keys() != {"id", "tool"}:
        raise BadArguments(f"{name}: must be an object with id and tool")
    return About(**{key: _text(key, value[key], LONGEST_QUESTION) for key in ("id", "tool")})


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


_READERS: Final[Mapping[Kind, Callable[[str, object], object]]] = {
    Kind.INPUT: _input,
    Kind.JOB: _job,
    Kind.JSON: lambda _, value: value,
    Kind.CHOICES: _choices,
    Kind.SECONDS: _span,
    Kind.DOLLARS: _micro,
    Kind.CALL: _about,
}
