"""What came of another agent's job, as the outcome of the step that waited for it."""

import json
from typing import Any

from agent_workers.domain.budget import Usage
from agent_workers.domain.cause import cause_of_error
from agent_workers.domain.step import ToolFailed, ToolRan
from agent_workers.domain.text.encoding import bounded
from agent_workers.domain.wait import Waited

_LONGEST = 2_000


def child_answered(agent: str, waited: Waited) -> ToolRan | ToolFailed:
    """Give the child's answer, or its error as data; what it cost is booked either way."""
    # Any: written by `child_ended`; the output in it is of the other agent's shape.
    ended: dict[str, Any] = json.loads(waited.answer or b"{}")
    usage = _usage(ended)
    if ended["status"] == "succeeded":
        return ToolRan(
            result=bounded(ended["output"]), usage=usage, degraded=_degraded(agent, ended)
        )
    error = ended.get("error") or {}
    if ended["status"] == "refused":
        return ToolFailed(code=str(error["code"]), message=str(error["message"]))
    why = f"{error.get('code', '')}: {error.get('message', '')}" if error else "it was canceled"
    message = f"{agent} has {ended['status']}: {why}" if error else f"{agent}: {why}"
    return ToolFailed(
        code=f"child_{ended['status']}",
        message=message[:_LONGEST],
        usage=usage,
        cause=cause_of_error(error),
    )


def _usage(ended: dict[str, Any]) -> Usage:
    read, cached, written = ended.get("tokens") or (0, 0, 0)
    return Usage(
        input=read, cached=cached, output=written, cost_micro=int(ended.get("spent_micro", 0))
    )


def _degraded(agent: str, ended: dict[str, Any]) -> str:
    said = [one if isinstance(one, str) else json.dumps(one) for one in ended.get("degraded", ())]
    return f"{agent}: {'; '.join(said)}"[:_LONGEST] if said else ""
