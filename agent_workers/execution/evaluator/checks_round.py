"""Checks of how a job goes on: taken over by another, turning in circles, answered by a person."""

from agent_workers.domain.agents.agent import Past
from agent_workers.domain.agents.engine_tools import ASK_PERSON, HAND_OFF, LET_FAIL, TRY_AGAIN
from agent_workers.domain.course import repeat_key
from agent_workers.domain.step import Judged, Verdict
from agent_workers.domain.text.encoding import bounded
from agent_workers.execution.evaluator.causes import cause_in
from agent_workers.execution.evaluator.checks_work import Work, asked_of
from agent_workers.execution.planner.waves import calls_again


def taken_over(work: Work) -> Judged | None:
    """The answer of the agent that took the job over is this job's answer."""
    for past in work.results:
        if past.tool == HAND_OFF and past.type == "tool_ran":
            return Judged(verdict=Verdict.ACCEPT, output=bounded(past.value), reason="handed over")
    return None


def circles(work: Work) -> Judged | None:
    """Object to a model's plan that holds the same call once too often."""
    counts = work.situation.course.repeats
    most = work.agent.declared.limits.max_repeats
    if not counts or not work.planner_is_a_model:
        return None
    for call in work.calls:
        times = counts.get(repeat_key(call.tool, call.arguments), 0)
        if times > most:
            told = f"{call.tool!r} was planned {times} times with the same arguments"
            return Judged(verdict=Verdict.REPLAN, reason=f"{told}; do something else, or answer")
    return None


def answers_on_failures(work: Work) -> Judged | None:
    """Do what a person said of a call that has failed for good; what else they say is data."""
    said = {past.value["about"]["id"]: past.value["answer"] for past in _unheard(work)}
    if LET_FAIL in said.values():
        about = next(id_ for id_, answer in said.items() if answer == LET_FAIL)
        failed = [past for past in work.results if past.call_id == about]
        reason = f"a person said: {LET_FAIL}"
        cause = cause_in(work.pasts, failed[0]) if failed else None
        return Judged(verdict=Verdict.FAIL, reason=reason, cause=cause)
    again = [id_ for id_, answer in said.items() if answer == TRY_AGAIN]
    calls = calls_again(work.situation, again) if again else ()
    if not calls:
        return None
    reason = f"a person said: {TRY_AGAIN}: {', '.join(again)}"
    return Judged(verdict=Verdict.RETRY, reason=reason, calls=calls)


def _unheard(work: Work) -> list[Past]:
    """Find the answers that came after the newest run of the call that they are about."""
    ran = {past.call_id: past.position for past in work.results}
    return [past for id_, past in asked_of(work.pasts).items() if ran.get(id_, -1) < past.position]


def answers_of_people(work: Work) -> Judged | None:
    """What a person answered to a verdict's question is for the planner to read.

    A function that asked looks for itself.
    """
    answer = person_asked(work)
    if answer is None or work.agent.declared.evaluate is not None:
        return None
    if answer.type == "tool_failed":
        reason = f"nobody answered: {answer.value['code']}"
        return Judged(verdict=Verdict.FAIL, reason=reason, cause=cause_in(work.pasts, answer))
    return Judged(verdict=Verdict.CONTINUE, reason="a person has answered")


def person_asked(work: Work) -> Past | None:
    """Find what came of the question that the newest verdict of this round asked, if it did."""
    asked_at = [
        p.position for p in work.pasts if p.type == "judged" and p.value["verdict"] == "ask"
    ]
    answers = [
        p
        for p in work.pasts
        if p.tool == ASK_PERSON and p.position > max(asked_at, default=0) and "about" not in p.value
    ]
    return answers[-1] if asked_at and answers else None


def asked_before(work: Work, question: str) -> bool:
    """Say whether a person has been asked just this in this round, and has answered."""
    asked = (past.value.get("question") for past in work.pasts if past.type == "judged")
    return person_asked(work) is not None and question in asked
