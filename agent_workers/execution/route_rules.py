"""The rules of routers: when another agent takes over, in the Common Expression Language."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

import cel

from agent_workers.domain.agent import Agent, Route, Situation
from agent_workers.domain.agent_mistakes import Mistake

_LONGEST = 1_000
_KNOWN = frozenset({"input", "text"})
# One loop is linear in the input; loops within loops would let one job keep a processor busy.
_LOOP = re.compile(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(")


def chosen(routes: Sequence[Route], situation: Situation) -> str:
    """Return the agent of the first rule that holds, or nothing; a rule that breaks does not hold."""
    known = {"input": situation.input, "text": situation.text}
    return next((route.agent for route in routes if _holds(route.when, known)), "")


def rule_mistakes(agent: Agent) -> Iterator[Mistake]:
    """Say which rules of an agent can never be told."""
    for number, route in enumerate(agent.routes):
        wrong = _wrong_with(route.when)
        if wrong:
            yield Mistake(f"routes.{number}.when", wrong)


@lru_cache(maxsize=1_024)
def _compiled(rule: str) -> cel.Program:
    return cel.compile(rule)


def _holds(rule: str, known: dict[str, object]) -> bool:
    try:
        return _compiled(rule).execute(known) is True
    except Exception:  # noqa: BLE001 (the library raises whatever fits: a missing member, most often)
        return False


def _wrong_with(rule: str) -> str:
    if len(rule) > _LONGEST:
        return f"a rule has at most {_LONGEST} characters"
    if len(_LOOP.findall(rule)) > 1:
        return "a rule loops at most once"
    try:
        named = set(_compiled(rule).variables())
    except Exception as error:  # noqa: BLE001 (the library raises whatever fits)
        return " ".join(str(error).split())[:300] or type(error).__name__
    unknown = sorted(named - _KNOWN)
    if unknown and not _LOOP.search(rule):  # what a loop binds counts as a name
        return f"{rule!r} names {unknown[0]!r}; only `input` and `text` are known"
    return ""
