"""The recovery handler: what follows a failed attempt, from what failed and what was tried."""

from datetime import timedelta

from agent_workers.domain.claim import Claimed
from agent_workers.domain.decision import Decision, Fail, Join, TryAgain
from agent_workers.domain.step import Broke, GaveUp, StepKind, ToolFailed
from agent_workers.orchestration.decide import evaluation
from agent_workers.orchestration.retry import delay_after
from agent_workers.orchestration.traits import AgentTraits


def after_break(claimed: Claimed, broke: Broke, agent: AgentTraits, *, jitter: float) -> Decision:
    """Say what follows a failed attempt: another, or the end of trying."""
    tries = claimed.tries + 1
    if broke.retryable and tries < _max_tries(claimed, agent):
        return TryAgain(
            delay=_delay(broke, tries, jitter),
            code=broke.code,
            message=broke.message,
            cost_micro=broke.usage.cost_micro,
        )
    if claimed.kind is StepKind.TOOL:
        failed = ToolFailed(code=broke.code, message=broke.message)
        return Join(outcome=failed, step=evaluation(claimed.round, agent))
    gave_up = GaveUp(code=broke.code, message=broke.message, usage=broke.usage)
    return Fail(outcome=gave_up, code=broke.code, message=broke.message)


def _max_tries(claimed: Claimed, agent: AgentTraits) -> int:
    if claimed.kind is StepKind.TOOL and claimed.tool in agent.tools:
        return agent.tools[claimed.tool].max_tries
    return agent.max_tries


def _delay(broke: Broke, tries: int, jitter: float) -> timedelta:
    if broke.retry_after_s is not None:
        return timedelta(seconds=broke.retry_after_s)
    return delay_after(tries, jitter=jitter)
