"""What follows what doing a step gave: breakers are told, the policy is asked, fallbacks step in."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from agent_workers.domain import codec
from agent_workers.domain.agents.engine_tools import ENGAGED
from agent_workers.domain.breaker import tool_breaker
from agent_workers.domain.claim import Claimed
from agent_workers.domain.decision import Decision, Fail, Park, TryAgain
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import to_wire
from agent_workers.domain.step import Broke, GaveUp, Judged, Outcome, ToolFailed
from agent_workers.domain.trouble import Trouble
from agent_workers.domain.wait import WaitKind
from agent_workers.governance.breakers import Health, health_of
from agent_workers.orchestration.carrying import on_time
from agent_workers.orchestration.effects.act_rules import Acted
from agent_workers.orchestration.failing import failed_for_good, needs_permit, unanswered
from agent_workers.orchestration.ports import Breakers
from agent_workers.orchestration.steps.decide import decide
from agent_workers.orchestration.steps.fallbacks import FindWays, Ways
from agent_workers.orchestration.steps.not_served import missing, until_served
from agent_workers.orchestration.steps.recover import after_break, after_end, after_failed, parked
from agent_workers.orchestration.store import OpenPermits
from agent_workers.orchestration.traits import AgentTraits, Lacking

log = structlog.get_logger(__name__)

# Users' code is at fault, though it raised nothing.
_WITHOUT_EXCEPTION: Final = frozenset({"timeout", "bad_result", "bad_return"})


class Aftermath:
    def __init__(
        self,
        *,
        breakers: Breakers,
        permits: OpenPermits,
        ways: FindWays,
        jitter: Callable[[], float],
    ) -> None:
        self._breakers = breakers
        self._permits = permits
        self._ways = ways
        self._jitter = jitter

    def barred(self, claimed: Claimed) -> Park | None:
        """Say whether a step has to wait for its tool's breaker; asked before a tool is called.

        Who may go on may be the probe: what comes of it is to be told, in `after` or `left`.
        """
        name, holds = tool_breaker(claimed.tool), timedelta(milliseconds=2 * claimed.timeout_ms)
        if self._breakers.ask(name, claimed.tenant_id, holds=holds) is None:
            return None
        return parked(name, jitter=self._jitter())

    def kept_off(
        self, claimed: Claimed, agent: AgentTraits, park: Park, *, certain: bool
    ) -> tuple[Decision, bytes]:
        """Go on at once while a tool's breaker is open, by another way; wait where there is none.

        Who waits for a place among a tool's calls has nothing to recover from.
        """
        if park.wait.kind is WaitKind.PLACE:
            return park, b""
        ways = self._ways(claimed, agent, "breaker_open", certain=certain)
        if not ways.is_at_once:
            return park, b""
        message = (
            "not called, because too many of its calls failed lately; see `agent-workers breakers`"
        )
        failed = ToolFailed(code="breaker_open", message=message)
        return _written(claimed, after_failed(claimed, failed, agent, ways), certain=certain)

    def unserved(
        self, claimed: Claimed, agent: AgentTraits, lacking: Lacking
    ) -> tuple[Decision, bytes]:
        """Let a step wait for a worker that can do it; an attempt that may have acted is counted on."""
        if needs_permit(claimed) and self._permits.is_open(claimed):
            return self.after(claimed, agent, missing(lacking))
        return until_served(claimed, lacking, jitter=self._jitter()), b""

    def left(self, claimed: Claimed) -> None:
        """Say that the tool was not called after all."""
        self._breakers.let_go(tool_breaker(claimed.tool), claimed.tenant_id)

    def after(
        self,
        claimed: Claimed,
        agent: AgentTraits,
        result: Outcome | Broke,
        acted: Acted | None = None,
    ) -> tuple[Decision, bytes]:
        """Decide what follows, with the outcome as it is to be stored."""
        _report(claimed, agent, result)
        is_down = self._tell(claimed, result, acted)
        decision = self._decided(claimed, agent, result, acted, is_down=is_down)
        if isinstance(decision, Fail):
            decision = after_end(claimed, decision, agent)
        return _written(claimed, decision, certain=_is_certain(claimed, acted))

    def _decided(
        self,
        claimed: Claimed,
        agent: AgentTraits,
        result: Outcome | Broke,
        acted: Acted | None,
        *,
        is_down: bool,
    ) -> Decision:
        if isinstance(result, ToolFailed):
            ways = self._left(claimed, agent, result, acted)
            return after_failed(claimed, result, agent, ways)
        if not isinstance(result, Broke):
            return decide(on_time(claimed), result, agent)
        jitter = self._jitter()
        if (
            again := self._unclear(claimed, result, acted, is_down=is_down, jitter=jitter)
        ) is not None:
            return again
        ways = self._left(claimed, agent, result, acted)
        if is_down:
            return self._down(claimed, agent, result, ways, jitter=jitter)
        return after_break(claimed, result, agent, jitter=jitter, ways=ways)

    def _down(
        self, claimed: Claimed, agent: AgentTraits, broke: Broke, ways: Ways, *, jitter: float
    ) -> Decision:
        """A failure that leaves the breaker open counts for nobody's tries."""
        if ways.is_at_once:
            return after_failed(claimed, failed_for_good(broke), agent, ways)
        return parked(tool_breaker(claimed.tool), jitter=jitter, after=broke)

    def _unclear(
        self, claimed: Claimed, broke: Broke, acted: Acted | None, *, is_down: bool, jitter: float
    ) -> TryAgain | None:
        """Leave a step to its next permit where an attempt may have acted."""
        if acted is None:
            is_open = needs_permit(claimed) and self._permits.is_open(claimed)
            return unanswered(claimed.tries, broke, jitter=jitter) if is_open else None
        again = acted.again(broke, claimed.tries, jitter=jitter)
        if again is None and not acted.certainly_not:
            again = unanswered(claimed.tries, broke, jitter=jitter)
        # Who calls for everybody does not use up tries of its own.
        if again is None or not is_down or acted.settles:
            return again
        return replace(again, counts=False)

    def _left(
        self,
        claimed: Claimed,
        agent: AgentTraits,
        failed: Broke | ToolFailed,
        acted: Acted | None,
    ) -> Ways:
        """Say what is left to try; something instead only of what certainly left no mark."""
        return self._ways(claimed, agent, failed.code, certain=_is_certain(claimed, acted))

    def _tell(self, claimed: Claimed, result: Outcome | Broke, acted: Acted | None) -> bool:
        """Tell the tool's breaker; true when the failure leaves it open."""
        if not claimed.tool or claimed.tool in ENGAGED:
            return False
        place = (tool_breaker(claimed.tool), claimed.tenant_id)
        health = Health.UNKNOWN if acted is not None and acted.proof is None else health_of(result)
        match health:
            case Health.WORKS:
                self._breakers.tell(*place, failed=False)
            case Health.UNKNOWN:
                self._breakers.let_go(*place)
            case Health.FAILS:
                self._breakers.tell(*place, failed=True, code=getattr(result, "code", ""))
                return self._breakers.is_open(*place)
        return False


def _report(claimed: Claimed, agent: AgentTraits, result: Outcome | Broke) -> None:
    """Log what users' code did wrong, whatever follows it; what a tool says on purpose is no error."""
    if not isinstance(result, Broke | ToolFailed | GaveUp | Judged):
        return
    failed = result.cause if isinstance(result, Judged) else result
    if failed is None:
        return
    is_silent = failed.code in _WITHOUT_EXCEPTION
    if result.trouble is None and not is_silent:
        return
    trouble = result.trouble or Trouble(type="")
    log.log(
        logging.INFO if isinstance(result, ToolFailed) and not is_silent else logging.ERROR,
        "attempt_failed",
        job_id=to_wire(claimed.job_id),
        position=claimed.position,
        kind=claimed.kind.value,
        agent=agent.name or claimed.agent,
        tool=claimed.tool or None,
        attempt=claimed.tries + 1,
        code=failed.code,
        message=failed.message,
        where=trouble.where or None,
        exception=trouble.traceback or None,
    )


def _is_certain(claimed: Claimed, acted: Acted | None) -> bool:
    return claimed.effect.leaves_no_mark or (acted is not None and acted.certainly_not)


def _written(claimed: Claimed, decision: Decision, *, certain: bool) -> tuple[Decision, bytes]:
    """Write an outcome; a verdict may run a failed effect again only where this says so."""
    if isinstance(decision, TryAgain | Park):
        return decision, b""
    outcome = decision.outcome
    if isinstance(outcome, ToolFailed) and certain and claimed.effect is not EffectClass.PURE:
        outcome = replace(outcome, left_no_mark=True)
        decision = replace(decision, outcome=outcome)
    return decision, codec.encode(outcome)
