"""Which calls of a verdict may run: what may have left a mark outside never runs again."""

import json
from collections.abc import Sequence
from typing import Final

from agent_workers.domain.claim import Claimed, Done
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.step import ToolCall
from agent_workers.orchestration.traits import AgentTraits

# Failures that do not say for sure that nothing happened.
UNSURE: Final = frozenset({"effect_abandoned", "timeout", "broken"})


def repeatable(
    claimed: Claimed, calls: Sequence[ToolCall], agent: AgentTraits
) -> tuple[ToolCall, ...]:
    """Leave out what already ran with an effect, or may have; a new position would be a new key."""
    if not calls or all(_is_pure(call, agent) for call in calls):
        return tuple(calls)
    if claimed.history is None:
        return tuple(call for call in calls if _is_pure(call, agent))
    marked = {done.call_id for done in claimed.history if _may_have_left_a_mark(done, claimed)}
    return tuple(call for call in calls if _is_pure(call, agent) or call.call_id not in marked)


def _is_pure(call: ToolCall, agent: AgentTraits) -> bool:
    traits = agent.tools.get(call.tool)
    return traits is not None and traits.rules.cls is EffectClass.PURE


def _may_have_left_a_mark(done: Done, claimed: Claimed) -> bool:
    if not done.tool or done.round != claimed.round:
        return False
    return done.type == "tool_ran" or not json.loads(done.outcome).get("left_no_mark")
