"""Carrying on: what a worker knows of the next step without asking the database again."""

from dataclasses import replace

from agent_workers.domain.claim import Claimed, Done, Due
from agent_workers.domain.decision import Continue, Decision, Join
from agent_workers.domain.step import NextStep

# Planners see the newest of a long job, so that its hundredth step costs what its third did.
TAIL = 50
# The position that no step has.
ANYTHING = -1


def steps_of(decision: Decision) -> tuple[NextStep, ...]:
    match decision:
        case Continue():
            return decision.steps
        case Join():
            return (decision.step,)
        case _:
            return ()


def remember(claimed: Claimed, done: Done, siblings: int) -> tuple[Done, ...] | None:
    """Siblings finish elsewhere: after a fan-out only the database knows the history."""
    if siblings > 1 or (claimed.history is None and claimed.position > 0):
        return None
    return (*(claimed.history or ()), done)[-TAIL:]


def carried_on(
    claimed: Claimed, step: NextStep, position: int, history: tuple[Done, ...] | None
) -> Claimed:
    return replace(
        claimed,
        position=position,
        round=step.round,
        kind=step.kind,
        lane=step.lane,
        fence=1,
        tries=0,
        tool=step.tool,
        call_id=step.call_id,
        arguments=step.arguments,
        effect=step.effect,
        timeout_ms=step.timeout_ms,
        hold_micro=step.hold_micro,
        more=False,
        history=history,
    )


def anything_due(claimed: Claimed) -> Due:
    """A ring in the lane of a step, for whatever is due there."""
    return replace(due(claimed), position=ANYTHING)


def due(claimed: Claimed, *, high: bool = False) -> Due:
    return Due(
        tenant_id=claimed.tenant_id,
        job_id=claimed.job_id,
        position=claimed.position,
        kind=claimed.kind,
        lane=claimed.lane,
        high=high,
    )


def due_next(claimed: Claimed, step: NextStep, position: int) -> Due:
    return Due(
        tenant_id=claimed.tenant_id,
        job_id=claimed.job_id,
        position=position,
        kind=step.kind,
        lane=step.lane,
    )
