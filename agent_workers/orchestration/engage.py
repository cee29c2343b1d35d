"""Doing what every agent may plan besides its tools: waiting for time, agents, events, people."""

import json
from datetime import timedelta

from agent_workers.domain.claim import Claimed
from agent_workers.domain.decision import Park
from agent_workers.domain.effect import EffectClass, EffectRules
from agent_workers.domain.engaging import ENGAGED, WAIT
from agent_workers.domain.step import Lane, ToolFailed, ToolRan
from agent_workers.domain.wait import Wait, Waited, WaitKind
from agent_workers.orchestration.traits import AgentTraits, ToolTraits

_TIMEOUT = timedelta(seconds=30)
_RULES = EffectRules(cls=EffectClass.PURE, timeout=_TIMEOUT)
TRAITS = {
    name: ToolTraits(name=name, rules=_RULES, lane=Lane.TOOL, timeout_ms=30_000, max_tries=4)
    for name in ENGAGED
}


def engage(
    claimed: Claimed, waited: Waited | None, agent: AgentTraits
) -> ToolRan | ToolFailed | Park:
    """Begin to wait, or go on with what has come."""
    asked = json.loads(claimed.arguments or b"{}")
    if claimed.tool == WAIT:
        return _wait(float(asked["seconds"]), waited)
    return ToolFailed(code="not_built", message=f"{claimed.tool} is not known to {agent.name}")


def _wait(seconds: float, waited: Waited | None) -> ToolRan | Park:
    if waited is None:
        return Park(wait=Wait(kind=WaitKind.TIMER, key="", timeout=timedelta(seconds=seconds)))
    return ToolRan(result=json.dumps({"waited_seconds": seconds}).encode())
