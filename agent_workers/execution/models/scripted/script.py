"""Scenarios of the scripted model: what to match, and what then to say or to break."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Template
from typing import Final

FAULT_STATUS: Final = {
    "rate_limit": 429,
    "overloaded": 503,
    "timeout": 408,
    "auth": 401,
    "quota": 402,
    "not_found": 404,
    "bad_request": 400,
    "context_window": 400,
    "content_policy": 400,
    "server_error": 500,
    "connection": None,  # no status: the provider never answered
    "endless": None,  # never answers; only the caller's deadline ends it
    "drip": None,  # the same, but a stream gives a letter now and then
}
FAULT_CODE: Final = {
    "context_window": "context_length_exceeded",
    "content_policy": "content_policy_violation",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the scripted model is asked, as far as scenarios may look at it."""

    model: str
    purpose: str
    turn: int
    last_role: str
    last_user: str
    last_tool: str
    has_tools: bool
    system: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """All that is given must match; patterns are searched, and their named groups are kept."""

    model: re.Pattern[str] | None = None
    purpose: str | None = None
    turn: int | None = None
    last_role: str | None = None
    last_user: re.Pattern[str] | None = None
    last_tool: re.Pattern[str] | None = None
    has_tools: bool | None = None
    # The instructions: tells one agent from another.
    system: re.Pattern[str] | None = None

    def match(self, heard: Heard) -> Mapping[str, str] | None:
        """Give the words that a reply may use, or None when this is not meant."""
        exact = (
            self.purpose in (None, heard.purpose)
            and self.turn in (None, heard.turn)
            and self.last_role in (None, heard.last_role)
            and self.has_tools in (None, heard.has_tools)
        )
        words = {"last_user": heard.last_user, "last_tool": heard.last_tool, "model": heard.model}
        patterns = (
            (self.model, heard.model),
            (self.last_user, heard.last_user),
            (self.last_tool, heard.last_tool),
            (self.system, heard.system),
        )
        for pattern, text in patterns if exact else ():
            found = pattern.search(text) if pattern else None
            if pattern and found is None:
                return None
            words |= {k: v or "" for k, v in found.groupdict().items()} if found else {}
        return words if exact else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    kind: str
    retry_after_s: float | None = None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidCall:
    """A tool call to ask for; arguments are JSON text, in which words are filled in."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    text: str = ""
    calls: tuple[SaidCall, ...] = ()
    finish_reason: str = "stop"
    refusal: str = ""
    usage: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One rule of a script; `times` says how often it applies in one process, then never more."""

    name: str
    when: When = When()
    saying: Saying = Saying()
    fault: Fault | None = None
    latency_s: float = 0.0
    times: int | None = None


class Script:
    """An ordered list of scenarios; the first that matches and is not used up applies."""

    def __init__(self, scenarios: Sequence[Scenario]) -> None:
        self._scenarios = tuple(scenarios)
        self._used: dict[int, int] = {}

    def choose(self, heard: Heard) -> tuple[Scenario, Mapping[str, str]]:
        """Pick the scenario for what was heard, with the words it may use."""
        for number, scenario in enumerate(self._scenarios):
            if scenario.times is not None and self._used.get(number, 0) >= scenario.times:
                continue
            words = scenario.when.match(heard)
            if words is not None:
                self._used[number] = self._used.get(number, 0) + 1
                return scenario, words
        return Scenario(name="nothing matched"), {}


def fill(template: str, words: Mapping[str, str]) -> str:
    """Put words into a text; what is not known stays as it is written."""
    return Template(template).safe_substitute(words)
