"""Attempts that gave nothing: the step hung, or what did it broke in a way nobody foresaw."""

from datetime import timedelta

from agent_workers.domain.budget import Usage
from agent_workers.domain.claim import Claimed
from agent_workers.domain.decision import TryAgain
from agent_workers.domain.recovery import delay_after
from agent_workers.domain.step import Broke, ToolFailed
from agent_workers.domain.tracing import trouble_of

# Nobody failed: the step waits for something that is said in the message.
_WAITS = frozenset({"permit_late", "waiting_for_quiet", "breaker_open", "asked_already"})
_LONGEST = 2_000
_LONGEST_WAIT = timedelta(minutes=5)


def late(claimed: Claimed, begun_micro: int = 0) -> Broke:
    """Say that a step is over its time; what it may have cost is booked in full."""
    return Broke(
        code="timeout",
        message=_over_time(claimed),
        retryable=True,
        usage=Usage(cost_micro=claimed.hold_micro + begun_micro),
    )


def broken(claimed: Claimed, error: BaseException, begun_micro: int = 0) -> Broke:
    """Say that a step ended in an error that is not its own; it counts as an attempt."""
    return Broke(
        code="broken",
        message=f"{type(error).__name__}: {error}"[:_LONGEST],
        retryable=True,
        usage=Usage(cost_micro=claimed.hold_micro + begun_micro),
        trouble=trouble_of(error),
    )


def _over_time(claimed: Claimed) -> str:
    limit = f"`timeout` of tool {claimed.tool!r}"
    if not claimed.tool:
        limit = f"`step_timeout` of agent {claimed.agent!r}"
    return f"not done within {claimed.timeout_ms / 1000:g} s; raise {limit} if it needs more"


def failed_for_good(broke: Broke) -> ToolFailed:
    """Say of a tool that this attempt was the last one."""
    return ToolFailed(
        code=broke.code, message=broke.message, usage=broke.usage, trouble=broke.trouble
    )


def is_wait(broke: Broke) -> bool:
    return broke.code in _WAITS


def needs_permit(claimed: Claimed) -> bool:
    return not claimed.effect.leaves_no_mark


def unanswered(tries: int, broke: Broke, *, jitter: float) -> TryAgain:
    """Leave it to the next permit to say what becomes of the last one, however often it takes."""
    asked = timedelta(seconds=broke.retry_after_s or 0)
    delay = max(delay_after(tries + 1, jitter=jitter), min(asked, _LONGEST_WAIT))
    return TryAgain(
        delay=delay,
        code=broke.code,
        message=broke.message,
        trouble=broke.trouble,
        waits=is_wait(broke),
        unanswered=True,
    )
