"""The judge: when a model is asked what it thinks of a round, and what follows when it cannot say."""

import hashlib
import json
from dataclasses import replace
from enum import StrEnum
from typing import Final, Protocol, assert_never

from agent_workers.domain.agents.agent import Past, Purpose
from agent_workers.domain.agents.judging import IfUnjudged
from agent_workers.domain.budget import NO_USAGE, Usage
from agent_workers.domain.claim import Claimed
from agent_workers.domain.step import GaveUp, Judge, Judged, Verdict
from agent_workers.execution.agents.prompts import rendered
from agent_workers.execution.agents.registry import LoadedAgent
from agent_workers.execution.evaluator.by_model import EvaluateRequest, Opinion
from agent_workers.execution.evaluator.checks_answer import accepted, problem_with
from agent_workers.execution.evaluator.checks_calls import criteria_of
from agent_workers.execution.evaluator.checks_round import person_asked
from agent_workers.execution.evaluator.checks_work import Work
from agent_workers.execution.evaluator.verdicts import again, marks_left
from agent_workers.execution.models.failures import ErrorClass, ModelFailed
from agent_workers.execution.planner.situations import goal_of

# The engine tries a step four times; before it gives up on good work, the work goes on unjudged.
PATIENCE: Final = 3
# The judge's call, and the last turn that is always kept in reserve.
_CALLS: Final = 2


class Judges(Protocol):
    """What the evaluator needs of models."""

    def evaluate(
        self, claimed: Claimed, agent: LoadedAgent, asked: EvaluateRequest
    ) -> Opinion | GaveUp: ...


class Why(StrEnum):
    """Why a model is to look at a round."""

    RISKY = "risky"
    FINAL = "final"
    CRITERIA = "criteria"
    SAMPLE = "sample"


def why_judged(work: Work, proposal: Judged) -> Why | None:
    """Say whether a model is asked about what would follow otherwise; most often it is not."""
    goes_on = proposal.verdict is Verdict.CONTINUE and not proposal.calls
    if not (goes_on or proposal.verdict is Verdict.ACCEPT) or person_asked(work) is not None:
        return None
    if not work.agent.judges_by_model:
        return None
    judging = work.agent.declared.judging
    if judging.risky and marks_left(work):
        return Why.RISKY
    if judging.final and proposal.verdict is Verdict.ACCEPT:
        return Why.FINAL
    if work.whole_plan_first and criteria_of(work):
        return Why.CRITERIA
    return Why.SAMPLE if _share_of(work) < judging.sample else None


def judged(claimed: Claimed, work: Work, proposal: Judged, judges: Judges | None) -> Judged:
    """Ask a model where that was asked for; a judge that cannot say loses no good work."""
    why = why_judged(work, proposal)
    if why is None:
        return proposal
    if judges is None:
        return _unjudged(work, proposal, why, "this worker has no models loaded")
    if _is_spent(work):
        return _unjudged(work, proposal, why, "the job has used up its model calls")
    try:
        opinion = judges.evaluate(claimed, work.agent, request_of(work, proposal))
    except ModelFailed as failed:
        if failed.parks_on or (_may_pass(failed) and claimed.tries + 1 < PATIENCE):
            raise
        usage = failed.as_broke(worst_case_micro=claimed.hold_micro).usage
        return _unjudged(work, proposal, why, str(failed), usage)
    if isinstance(opinion, GaveUp):
        return _unjudged(work, proposal, why, "the model refused", opinion.usage)
    verdict = _verdict(work, proposal, opinion)
    degraded = "; ".join(filter(None, (verdict.degraded, opinion.degraded)))
    return replace(
        verdict, usage=opinion.usage, degraded=degraded, by=Judge.MODEL, model=opinion.model
    )


def _verdict(work: Work, proposal: Judged, opinion: Opinion) -> Judged:
    reason = opinion.reason
    match opinion.verdict:
        case Verdict.ACCEPT:
            return _accepted(work, proposal, opinion)
        case Verdict.CONTINUE | Verdict.REPLAN:
            # What is done is sent back to be planned anew, and that is counted.
            is_sent_back = proposal.verdict is Verdict.ACCEPT or work.whole_plan_first
            verdict = Verdict.REPLAN if is_sent_back else opinion.verdict
            return Judged(verdict=verdict, reason=reason, about=opinion.ids)
        case Verdict.RETRY:
            return again(work, opinion.ids, reason)
        case Verdict.ASK:
            return Judged(verdict=Verdict.ASK, question=opinion.question, reason=reason)
        case Verdict.ESCALATE | Verdict.FAIL:
            return Judged(verdict=opinion.verdict, reason=reason)
    assert_never(opinion.verdict)


def _accepted(work: Work, proposal: Judged, opinion: Opinion) -> Judged:
    """A better answer takes the place of a draft in words, when it is no worse than promised."""
    if (
        opinion.answer is not None
        and proposal.output is not None
        and isinstance(json.loads(proposal.output), str)
        and not problem_with(work, opinion.answer)
    ):
        return accepted(work, opinion.answer, opinion.reason)
    return replace(proposal, reason=opinion.reason)


def _unjudged(
    work: Work, proposal: Judged, why: Why, reason: str, usage: Usage = NO_USAGE
) -> Judged:
    told = f"not judged: {reason}"
    if why is Why.RISKY:
        match work.agent.declared.judging.if_unjudged:
            case IfUnjudged.ASK:
                left = ", ".join(marks_left(work))
                question = f"No model could judge what {left} did ({reason}). Is it right?"
                return Judged(verdict=Verdict.ASK, question=question, reason=told, usage=usage)
            case IfUnjudged.FAIL:
                return Judged(verdict=Verdict.FAIL, reason=told, usage=usage)
            case IfUnjudged.ACCEPT:
                pass
    degraded = "; ".join(filter(None, (proposal.degraded, told)))
    return replace(proposal, usage=usage, degraded=degraded)


def _may_pass(failed: ModelFailed) -> bool:
    # It was told twice what was wrong with its answer.
    return failed.retryable and failed.error_class is not ErrorClass.MALFORMED


def _is_spent(work: Work) -> bool:
    course, limits = work.situation.course, work.agent.declared.limits
    calls, tokens = limits.max_model_calls, limits.max_tokens
    out_of_calls = calls is not None and course.model_calls + _CALLS > calls
    return out_of_calls or (tokens is not None and course.tokens >= tokens)


def _share_of(work: Work) -> float:
    """A number from 0 to 1 that is this round's for ever, so that a repeated step is judged again."""
    named = work.situation.job_id.bytes + work.situation.round.to_bytes(8, "big")
    return int.from_bytes(hashlib.sha256(named).digest()[:8], "big") / 2**64


# A context window is paid for: the newest results of a long job tell most of its end.
MOST_CHARS: Final = 40_000
LONGEST_RESULT: Final = 8_000


def request_of(work: Work, proposal: Judged) -> EvaluateRequest:
    """Write down what a judge has to know, in an order that depends on nothing but the job."""
    return EvaluateRequest(
        goal=goal_of(work.situation),
        results_json=results_of(work),
        draft=proposal.output,
        criteria=criteria_of(work),
        instructions=rendered(work.agent.declared, Purpose.EVALUATE),
    )


def results_of(work: Work) -> str:
    """Write the job's results, oldest first, as JSON text that fits a prompt."""
    superseded = {past.position for past in work.pasts} - {past.position for past in work.results}
    told: list[str] = []
    left = MOST_CHARS
    for past in reversed(work.situation.history):
        if past.kind != "tool" or past.position in superseded:
            continue
        one = json.dumps(_told(past), ensure_ascii=False)
        if len(one) > left:
            told.append('{"left_out": "older results"}')
            break
        left -= len(one)
        told.append(one)
    return f"[{', '.join(reversed(told))}]"


def _told(past: Past) -> dict[str, object]:
    told: dict[str, object] = {"id": past.call_id or f"call_{past.position}", "tool": past.tool}
    if past.type == "tool_failed":
        return told | {"error": past.value}
    written = json.dumps(past.value, ensure_ascii=False)
    if len(written) <= LONGEST_RESULT:
        return told | {"result": past.value}
    return told | {"cut": True, "chars": len(written), "start": written[:LONGEST_RESULT]}
