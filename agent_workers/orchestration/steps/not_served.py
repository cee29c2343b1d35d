"""What becomes of a step that this worker cannot do: it waits for a worker that can."""

from datetime import timedelta

from agent_workers.domain.agents.engine_tools import ENGAGED
from agent_workers.domain.claim import Claimed
from agent_workers.domain.decision import Park, TryAgain
from agent_workers.domain.recovery import delay_after
from agent_workers.domain.step import Broke
from agent_workers.domain.text.encoding import canonical
from agent_workers.domain.wait import Wait, WaitKind, lacking_tool
from agent_workers.orchestration.traits import Lacking

# What waits for a child, an event or a person keeps that wait, and nobody wakes it for a worker.
_LONGEST_LOOK = timedelta(seconds=15)


def no_tool(claimed: Claimed) -> Lacking:
    reason = f"agent {claimed.agent!r} has no tool {claimed.tool!r} on this worker"
    return Lacking(reason, lacking_tool(claimed.tool))


def missing(lacking: Lacking) -> Broke:
    """Say it as a failed attempt, for an effect of which an earlier attempt may have acted."""
    code = "unknown_tool" if lacking.key.startswith("tool:") else "unknown_agent"
    return Broke(code=code, message=lacking.reason, retryable=True)


def until_served(claimed: Claimed, lacking: Lacking, *, jitter: float) -> Park | TryAgain:
    """Wait without using up a try: another worker may have it, be starting, or come tomorrow.

    Looks become rarer, so that what nobody can do takes few claims; a worker that starts wakes what
    waits for what it has.
    """
    delay = delay_after(max(claimed.fence, 1), jitter=jitter)
    if claimed.tool in ENGAGED:
        broke = missing(lacking)
        longest = min(delay, _LONGEST_LOOK)
        return TryAgain(delay=longest, code=broke.code, message=broke.message, counts=False)
    prompt = canonical({"message": lacking.reason})
    wait = Wait(kind=WaitKind.WORKER, key=lacking.key, timeout=delay, prompt=prompt)
    return Park(wait=wait)
