"""What an engaging call asks for, read strictly from its arguments: a union, or one clear error."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TypeGuard

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
    """An engaging call asks for something that cannot be."""

    code = "bad_arguments"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrust:
    """Let a job of another agent do it; for good when this job `hands_off`."""

    agent: str
    input: str | Mapping[str, object]
    # What the other job may cost; None: nothing was said.
    max_cost_micro: int | None = None
    timeout: timedelta | None = None
    hands_off: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    job_id: JobId
    name: str
    data: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    name: str
    timeout: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """Let time pass."""

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


Asked = Entrust | Send | Expect | Pass | Question
_Given = Mapping[str, object]


def asked(tool: str, arguments: bytes) -> Asked:
    """Read what a call of this engaging tool asks for, or raise `BadArguments`."""
    given = json.loads(arguments or b"{}")
    if not isinstance(given, dict):
        raise BadArguments("arguments: must be an object")
    read, required, optional = _TOOLS[tool]
    for name in required:
        if name not in given:
            raise BadArguments(f"{name}: is missing")
    unknown = sorted(given.keys() - set(required) - set(optional))
    if unknown:
        raise BadArguments(f"{unknown[0]}: there is no such argument")
    return read(given)


def _delegate(given: _Given) -> Entrust:
    return Entrust(
        agent=_words(given, "agent", LONGEST_NAME),
        input=_input(given),
        max_cost_micro=_micro(given, "max_cost_usd"),
        timeout=_span(given, "timeout_seconds"),
    )


def _hand_off(given: _Given) -> Entrust:
    _words(given, "reason", LONGEST_QUESTION, least=0)
    agent = _words(given, "agent", LONGEST_NAME)
    return Entrust(agent=agent, input=_input(given), hands_off=True)


def _send(given: _Given) -> Send:
    named = given["job_id"]
    job_id = from_wire(named) if isinstance(named, str) else None
    if job_id is None:
        raise BadArguments("job_id: must be the id of a job")
    return Send(job_id=job_id, name=_words(given, "name", LONGEST_NAME), data=given.get("data"))


def _expect(given: _Given) -> Expect:
    name = _words(given, "name", LONGEST_NAME)
    return Expect(name=name, timeout=_span(given, "timeout_seconds"))


def _pass(given: _Given) -> Pass:
    span = _span(given, "seconds")
    if span is None:
        raise BadArguments("seconds: must be a number")
    return Pass(span=span)


def _question(given: _Given) -> Question:
    choices = given.get("choices") or []
    if not isinstance(choices, list) or len(choices) > MOST_CHOICES:
        raise BadArguments(f"choices: must be a list of at most {MOST_CHOICES} strings")
    return Question(
        question=_words(given, "question", LONGEST_QUESTION),
        choices=tuple(_words({"choices": one}, "choices", LONGEST_CHOICE) for one in choices),
        timeout=_span(given, "timeout_seconds"),
        about=_about(given.get("about")),
    )


def _about(given: object) -> About | None:
    if given is None:
        return None
    if not isinstance(given, dict) or given.keys() != {"id", "tool"}:
        raise BadArguments("about: must be an object with id and tool")
    named = {name: _words(given, name, LONGEST_QUESTION) for name in ("id", "tool")}
    return About(id=named["id"], tool=named["tool"])


def _words(given: _Given, name: str, longest: int, *, least: int = 1) -> str:
    value = given.get(name, "")
    if not isinstance(value, str) or not least <= len(value) <= longest or "\0" in value:
        raise BadArguments(f"{name}: must be a string of {least} to {longest} characters")
    return value


def _input(given: _Given) -> str | Mapping[str, object]:
    value = given["input"]
    if not isinstance(value, str | dict):
        raise BadArguments("input: must be a string or an object")
    return value


def _span(given: _Given, name: str) -> timedelta | None:
    value = given.get(name)
    if value is None:
        return None
    if not _is_number(value) or not 0 <= value <= LONGEST_S:
        raise BadArguments(f"{name}: must be a number of seconds from 0 to {LONGEST_S}")
    return timedelta(seconds=value)


def _micro(given: _Given, name: str) -> int | None:
    value = given.get(name)
    if value is None:
        return None
    if not _is_number(value) or not 0 < value <= MOST_USD:
        raise BadArguments(f"{name}: must be an amount of dollars, more than 0")
    return math.ceil(Decimal(str(value)) * _MICRO)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TOOLS: Mapping[str, tuple[Callable[[_Given], Asked], tuple[str, ...], tuple[str, ...]]] = {
    DELEGATE: (_delegate, ("agent", "input"), ("max_cost_usd", "timeout_seconds")),
    HAND_OFF: (_hand_off, ("agent", "input"), ("reason",)),
    SEND_EVENT: (_send, ("job_id", "name"), ("data",)),
    WAIT_FOR_EVENT: (_expect, ("name",), ("timeout_seconds",)),
    WAIT: (_pass, ("seconds",), ()),
    ASK_PERSON: (_question, ("question",), ("choices", "timeout_seconds", "about")),
}
