"""The evaluator: deterministic checks, then the agent's own, then its function or a model."""

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

from agent_workers.domain.agents.agent import Answer, Check, Evaluator, GiveUp, Situation
from agent_workers.domain.agents.agent import Verdict as Said
from agent_workers.domain.claim import Claimed
from agent_workers.domain.errors import BadReturn
from agent_workers.domain.step import Judge, Judged, Verdict
from agent_workers.execution.agents.registry import LoadedAgent
from agent_workers.execution.evaluator.causes import why_failed
from agent_workers.execution.evaluator.checks_answer import accepted, unfit_answers
from agent_workers.execution.evaluator.checks_calls import broken_promises, calls_left, failed_calls
from agent_workers.execution.evaluator.checks_round import (
    answers_of_people,
    answers_on_failures,
    asked_before,
    circles,
    taken_over,
)
from agent_workers.execution.evaluator.checks_work import (
    ANSWER,
    Work,
    answer_in,
    counting,
    work_of,
)
from agent_workers.execution.evaluator.judging import Judges, judged
from agent_workers.execution.evaluator.verdicts import said
from agent_workers.execution.planner.waves import round_of
from agent_workers.execution.users_code.calling import call_within
from agent_workers.execution.values.plain import gave_of
from agent_workers.execution.values.returned import answered, named

# In order: the first that has something to say decides.
CHECKS: tuple[Callable[[Work], Judged | None], ...] = (
    taken_over,
    # Before `calls_left`: a plan that turns in circles was not run, so all of its calls are left.
    circles,
    answers_on_failures,
    answers_of_people,
    # Before `calls_left`: nothing is built on a result that is not what was promised.
    failed_calls,
    broken_promises,
    calls_left,
    unfit_answers,
)


def evaluate(
    claimed: Claimed, agent: LoadedAgent, situation: Situation, judges: Judges | None
) -> Judged:
    """Judge the round that this step closes."""
    work = work_of(agent, situation)
    objection = checked(work) or _objection(work)
    return objection or judged(claimed, work, _proposal(work), judges)


def checked(work: Work) -> Judged | None:
    """Say what follows as far as no opinion is needed for it; None: nothing speaks against it."""
    for check in CHECKS:
        found = check(work)
        if found is not None:
            return found
    return None


def accept_results(situation: Situation) -> Answer | GiveUp:
    """Judge without model or function: a plan's answer, or results that all came, are accepted."""
    pasts = round_of(situation)
    answer, results = answer_in(pasts), counting(pasts)
    if answer is not None:
        return Answer(output=answer.value[ANSWER])
    if (cause := why_failed(pasts)) is not None:
        return GiveUp(cause.message)
    values = [past.value for past in results]
    return Answer(output=values[0] if len(values) == 1 else values)


def _objection(work: Work) -> Judged | None:
    for check in work.agent.declared.checks:
        verdict: object = call_within(work.agent.declared.step_timeout, check, work.situation)
        if verdict is not None:
            return _by_function(work, check, verdict)
    return None


def _proposal(work: Work) -> Judged:
    """Say what follows unless a model objects."""
    declared = work.agent.declared
    if (evaluate_ := declared.evaluate) is not None:
        verdict: object = call_within(declared.step_timeout, evaluate_, work.situation)
        return _by_function(work, evaluate_, verdict)
    if work.answer is not None:
        return accepted(work, work.answer.value[ANSWER])
    if work.planner_is_a_model:
        # The next turn of the model sees what came; nobody has to tell it to go on.
        return Judged(verdict=Verdict.CONTINUE)
    return said(work, accept_results(work.situation))


def _by_function(work: Work, function: Evaluator | Check, verdict: object) -> Judged:
    is_check = function in work.agent.declared.checks
    who = named("Check" if is_check else "Evaluator", work.agent.declared.name, function)
    if not isinstance(verdict, Said):
        *most, last = [kind.__name__ for kind in get_args(Said)]
        may = f"{', '.join(most)} or {last}" + (", or None" if is_check else "")
        raise BadReturn(f"{who} returned {gave_of(verdict)}, which is not a verdict; return {may}.")
    if isinstance(verdict, Answer):
        verdict = Answer(output=answered(verdict.output, who))
    told = said(work, verdict)
    if told.verdict is Verdict.ASK and asked_before(work, told.question):
        told = Judged(verdict=Verdict.CONTINUE, reason="a person has answered")
    return replace(told, by=Judge.FUNCTION)
