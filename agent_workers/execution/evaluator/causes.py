"""Why a round is given up: the call that failed, and what made that fail."""

from collections.abc import Sequence

from agent_workers.domain.agents.agent import Past
from agent_workers.domain.cause import Cause, cause_read, sentence, tool_named
from agent_workers.execution.evaluator.checks_work import counting


def why_failed(pasts: Sequence[Past]) -> Cause | None:
    """Find the first call of a round that failed and counts; None: all of them gave something."""
    failed = (past for past in counting(pasts) if past.type == "tool_failed")
    return next((cause_in(pasts, past) for past in failed), None)


def cause_in(pasts: Sequence[Past], failed: Past) -> Cause:
    """Say what failed, in a sentence, and behind it what it stood in for or waited for."""
    code, message = str(failed.value["code"]), str(failed.value["message"])
    origin = failed.origin or {}
    where = str(origin.get("where") or "")
    return Cause(
        code=code,
        message=sentence(tool_named(failed.tool), code, message, where),
        position=failed.position,
        tool=failed.tool,
        where=where,
        cause=cause_read(origin.get("cause")) or _stood_in_for(pasts, failed),
    )


def _stood_in_for(pasts: Sequence[Past], failed: Past) -> Cause | None:
    """Find the failure of the tool that this one was the fallback of."""
    for past in pasts:
        is_before = past.position < failed.position and past.call_id == failed.call_id
        if is_before and past.type == "tool_failed" and past.value.get("fallback") == failed.tool:
            return cause_in(pasts, past)
    return None
