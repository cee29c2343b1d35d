"""Carrying on: what a worker knows of the next step without asking the database again."""

import time
from collections.abc import Callable
from dataclasses import replace

from agent_workers.domain.claim import HALT, Claimed, Done, Due, NothingDue, Onward, Recorded
from agent_workers.domain.decision import Continue, Decision, Fail, Finish, Join
from agent_workers.domain.step import NextStep, Outcome, StepKind

# Planners see the newest of a long job, so that its hundredth step costs what its third did.
TAIL = 50
# Asked when a step is recorded: a worker may have been told to stop while it was being done.
Going = Callable[[], Onward]
# What a worker may go on with: a step that it holds, nothing at all, or whatever it finds.
Following = Claimed | NothingDue | None
# The position that no step has.
ANYTHING = -1


def halt() -> Onward:
    return HALT


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
    return newest_rounds((*(claimed.history or ()), done))


def newest_rounds(past: tuple[Done, ...]) -> tuple[Done, ...]:
    """Forget the oldest, but no half of a round: results without their plan would mislead."""
    start = len(past) - TAIL
    while start > 0 and past[start].kind is not StepKind.PLAN:
        start -= 1
    return past[start:] if start > 0 else past


def on_time(claimed: Claimed) -> Claimed:
    """Take what has passed since the claim off the time until the job's deadline."""
    if claimed.deadline_ms is None:
        return claimed
    passed_ms = round((time.monotonic() - claimed.claimed_at_s) * 1000)
    return replace(claimed, deadline_ms=claimed.deadline_ms - passed_ms)


def carried_on(
    claimed: Claimed,
    decision: Continue | Join | Finish | Fail,
    recorded: Recorded,
    history: tuple[Done, ...] | None,
) -> Claimed:
    steps = steps_of(decision)
    step, first = steps[recorded.carried - 1], recorded.first_position or 0
    course = None if isinstance(decision, Join) else decision.course
    return replace(
        claimed,
        position=first + recorded.carried - 1,
        next_position=first + len(steps),
        course=course or claimed.course,
        left_micro=_left(claimed, decision.outcome, step),
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


def _left(claimed: Claimed, outcome: Outcome, step: NextStep) -> int | None:
    if claimed.left_micro is None:
        return None
    cost = outcome.usage
    return claimed.left_micro + claimed.hold_micro - cost.cost_micro - step.hold_micro


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
