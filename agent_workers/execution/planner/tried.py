"""What earlier plans of a job came to: told without any text of a tool, and built upon."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from agent_workers.domain.agents.agent import Past, Situation
from agent_workers.domain.step import ToolCall
from agent_workers.execution.models.wrappers.usable import Unusable
from agent_workers.execution.planner.references import Unresolved, references, resolved
from agent_workers.execution.planner.waves import calls_of, newest_of

DONE: Final = "done"
WRONG: Final = "not_as_promised"
# Codes are words of ours or of a tool's author; anything else could be the text of a tool.
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A call of an earlier plan, and what became of it; its result is for later calls to use."""

    id: str
    tool: str
    description: str
    # `done`, `not run`, or `failed:` with a code.
    status: str
    # Any JSON; it is never shown to a planner.
    result: object = None

    @property
    def done(self) -> bool:
        return self.status == DONE

    def shown(self) -> dict[str, str]:
        return {
            "id": self.id,
            "tool": self.tool,
            "description": self.description,
            "status": self.status,
        }


def tried_before(situation: Situation) -> tuple[Tried, ...]:
    """Tell the calls of all earlier plans; of an id that was planned twice, the newest."""
    newest: dict[str, Tried] = {}
    for _, pasts in groupby(situation.history, key=lambda past: past.round):
        for one in _tried(tuple(pasts)):
            known = newest.get(one.id)
            if known is None or not known.done:
                newest[one.id] = one
    return tuple(newest.values())


def is_carried_out(situation: Situation) -> bool:
    """Say whether only the answer is missing: the newest plan has been run, and nobody objects.

    An answer that was sent back is written anew once; after that it takes another plan.
    """
    rounds = [tuple(pasts) for _, pasts in groupby(situation.history, key=lambda past: past.round)]
    answers = 0
    while rounds and any("answer" in past.value for past in _plans(rounds[-1])):
        rounds.pop()
        answers += 1
    if not rounds or answers > 1 or not calls_of(rounds[-1]):
        return False
    verdicts = [past.value.get("verdict") for past in rounds[-1] if past.type == "judged"]
    return verdicts[-1:] == ["continue"]


def last_problems(situation: Situation) -> tuple[str, ...]:
    """Say what was wrong with the newest plan, when it could not be used."""
    plans = list(_plans(situation.history))
    return tuple(plans[-1].value.get("problems", ())) if plans else ()


def settled(calls: Sequence[ToolCall], tried: Iterable[Tried]) -> tuple[ToolCall, ...]:
    """Put what earlier plans gave in place of references to it: nothing has to wait for that."""
    results = {one.id: one.result for one in tried if one.done}
    return tuple(_settled(call, results) for call in calls) if results else tuple(calls)


def _settled(call: ToolCall, results: Mapping[str, object]) -> ToolCall:
    before = {reference.call_id for reference in references(call.arguments)}
    try:
        arguments = resolved(call.arguments, results)
    except (Unresolved, ValueError) as missing:
        raise Unusable(f"{call.call_id!r}: {missing}") from missing
    if not {reference.call_id for reference in references(arguments)} <= before - results.keys():
        # What a tool returned must not be taken for a reference the next time it is read.
        raise Unusable(f"{call.call_id!r} uses a result that holds references of its own")
    after = tuple(id_ for id_ in call.after if id_ not in results)
    return replace(call, arguments=arguments, after=after)


def _tried(pasts: Sequence[Past]) -> Iterator[Tried]:
    newest = newest_of(pasts)
    wrong = {id_ for past in pasts for id_ in _objected_to(past)}
    for call in calls_of(pasts):
        past = newest.get(call.call_id)
        status = f"failed: {WRONG}" if call.call_id in wrong else _status(past)
        yield Tried(
            id=call.call_id,
            tool=call.tool,
            description=call.description,
            status=status,
            result=past.value if past is not None and status == DONE else None,
        )


def _objected_to(past: Past) -> Sequence[str]:
    """Name the calls that a verdict said gave something else than was promised."""
    return past.value.get("about", ()) if past.type == "judged" else ()


def _plans(pasts: Sequence[Past]) -> Iterator[Past]:
    return (past for past in pasts if past.type == "planned")


def _status(past: Past | None) -> str:
    if past is None:
        return "not run"
    if past.type == "tool_ran":
        return DONE
    code = str(past.value.get("code", ""))
    return f"failed: {code if _CODE.fullmatch(code) else 'tool_error'}"
