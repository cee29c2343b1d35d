"""What is left once a tool has failed for good: a tool instead, a remembered answer, a person."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from agent_workers.domain.agents.engine_tools import ASK_PERSON
from agent_workers.domain.claim import Claimed, Done
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.tools.remembered import Remembered
from agent_workers.orchestration.patience import patiently
from agent_workers.orchestration.ports import Recalls, Takes
from agent_workers.orchestration.steps.repeating import UNSURE
from agent_workers.orchestration.traits import AgentTraits, ToolTraits


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    other_tool: str = ""
    remembered: Remembered | None = None
    # The tool that the plan named, when a person is to be asked of it.
    asks_about: str = ""
    # Nothing has happened: the same call may be run again, should the person say so.
    may_run_again: bool = False

    @property
    def is_at_once(self) -> bool:
        """Say whether the job can go on without waiting for a breaker."""
        return bool(self.other_tool) or self.remembered is not None


NOTHING_LEFT = Ways()


class FindWays:
    """Looks only when a tool has failed, and only for what its agent's tools declare."""

    def __init__(
        self,
        *,
        takes: Takes,
        recalls: Recalls,
        history: Callable[[Claimed], Sequence[Done]],
        patience_s: float = 20.0,
    ) -> None:
        self._takes = takes
        self._recalls = recalls
        self._history = history
        self._patience_s = patience_s

    def __call__(self, claimed: Claimed, agent: AgentTraits, code: str, *, certain: bool) -> Ways:
        """Say what is left; `certain`: the tool that failed certainly left no mark."""
        own = agent.tools.get(claimed.tool)
        if own is None:
            return NOTHING_LEFT
        if certain and own.fallback in agent.tools and self._takes(claimed, own.fallback):
            return Ways(other_tool=own.fallback)
        if not any(one.remembers or one.asks for one in _leading_to(own, agent)):
            return NOTHING_LEFT
        try:
            return self._left(claimed, own, agent, code, certain=certain)
        except StateUnavailable:
            # The failure may be proof of what an effect did: that is recorded before all else.
            return NOTHING_LEFT

    def _left(
        self, claimed: Claimed, own: ToolTraits, agent: AgentTraits, code: str, *, certain: bool
    ) -> Ways:
        history = patiently(lambda: self._history(claimed), seconds=self._patience_s)
        past = [done for done in history if done.round == claimed.round]
        failed = list(_stood_in_for(claimed, past))
        tried = [one for one in _leading_to(own, agent) if one is own or one.name in dict(failed)]
        first = tried[0]
        asks = any(one.asks for one in tried) and not _was_asked(claimed, past)
        unsure = not UNSURE.isdisjoint({code, *dict(failed).values()})
        return Ways(
            remembered=self._remembered(claimed, tried) if certain else None,
            asks_about=first.name if asks else "",
            may_run_again=certain and (first.rules.cls is EffectClass.PURE or not unsure),
        )

    def _remembered(self, claimed: Claimed, tried: Iterable[ToolTraits]) -> Remembered | None:
        found = (self._recalls(claimed, one.name) for one in tried if one.remembers)
        return next((answer for answer in found if answer is not None), None)


def _leading_to(own: ToolTraits, agent: AgentTraits) -> list[ToolTraits]:
    """Name the tools that this one may stand in for, the farthest first, and itself at the end."""
    found = [own]
    for one in found:
        found += [t for t in agent.tools.values() if t.fallback == one.name and t not in found]
    return found[::-1]


def _stood_in_for(claimed: Claimed, past: Sequence[Done]) -> Iterator[tuple[str, str]]:
    """Name the tools that failed before for this very call, each with its code."""
    for done in past:
        if done.type == "tool_failed" and done.call_id == claimed.call_id:
            failed = json.loads(done.outcome)
            if failed.get("fallback"):
                yield done.tool, failed["code"]


def _was_asked(claimed: Claimed, past: Sequence[Done]) -> bool:
    """Say whether a person has been asked of this call; a call without an id is not asked of."""
    if not claimed.call_id:
        return True
    answers = (json.loads(done.outcome) for done in past if done.tool == ASK_PERSON)
    return any(answer.get("about", {}).get("id") == claimed.call_id for answer in answers)
