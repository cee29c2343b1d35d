"""The work that an evaluation looks at: one round of one agent, with what its checks need of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from agent_workers.domain.agents.agent import Past, PlanMode, Situation
from agent_workers.domain.agents.engine_tools import ASK_PERSON, GO_ON
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.step import Judged, ToolCall, Verdict
from agent_workers.execution.agents.registry import LoadedAgent
from agent_workers.execution.planner.waves import calls_of, newest_of, round_of

ANSWER: Final = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A round as it stands: what was planned, and of each call the newest that came of it."""

    agent: LoadedAgent
    situation: Situation
    pasts: tuple[Past, ...]
    calls: tuple[ToolCall, ...]
    results: tuple[Past, ...]

    @property
    def planner_is_a_model(self) -> bool:
        return self.agent.declared.plan is None

    @property
    def whole_plan_first(self) -> bool:
        return self.planner_is_a_model and self.agent.declared.mode is PlanMode.PLAN_EXECUTE

    @property
    def answer(self) -> Past | None:
        """The plan of this round, when it was an answer."""
        return answer_in(self.pasts)

    def is_pure(self, tool: str) -> bool:
        """Say whether a tool leaves no mark; what the engine does itself counts as one that does."""
        known = self.agent.tools.get(tool)
        return known is not None and known.declared.effect is EffectClass.PURE


def work_of(agent: LoadedAgent, situation: Situation) -> Work:
    """Look at the newest round of a job."""
    pasts = round_of(situation)
    return Work(
        agent=agent,
        situation=situation,
        pasts=pasts,
        calls=calls_of(pasts),
        results=results_in(pasts),
    )


def answer_in(pasts: Sequence[Past]) -> Past | None:
    """Find the newest plan among these steps, if it was an answer."""
    for past in reversed(pasts):
        if past.type == "planned":
            return past if ANSWER in past.value else None
    return None


def results_in(pasts: Sequence[Past]) -> tuple[Past, ...]:
    """Pick what counts of the tool steps: of a call that was run again, what came last."""
    unnamed = (past for past in pasts if past.kind == "tool" and not past.call_id)
    return tuple(sorted((*newest_of(pasts).values(), *unnamed), key=lambda past: past.position))


def asked_of(pasts: Sequence[Past]) -> dict[str, Past]:
    """Find what people said of calls that had failed for good, by the ids of the calls."""
    answers = [p for p in pasts if p.tool == ASK_PERSON and p.type == "tool_ran"]
    return {past.value["about"]["id"]: past for past in answers if "about" in past.value}


def counting(pasts: Sequence[Past]) -> list[Past]:
    """Leave out what a person said to go on without, and the answers that said so."""
    asked = asked_of(pasts)
    without = {id_ for id_, past in asked.items() if past.value["answer"] == GO_ON}
    answers = {past.position for past in asked.values()}
    return [
        past
        for past in results_in(pasts)
        if past.position not in answers
        and (past.type != "tool_failed" or past.call_id not in without)
    ]


def unfit(work: Work, reason: str) -> Judged:
    """Object to an answer: a model is told why and plans again; a function would answer the same."""
    verdict = Verdict.REPLAN if work.planner_is_a_model else Verdict.FAIL
    return Judged(verdict=verdict, reason=reason)


def broken(work: Work, reason: str, about: tuple[str, ...] = ()) -> Judged:
    """Object to a result: a whole plan is made anew; a model that goes turn by turn is just told."""
    if work.planner_is_a_model and not work.whole_plan_first:
        return Judged(verdict=Verdict.CONTINUE, reason=reason, about=about)
    return replace(unfit(work, reason), about=about)
