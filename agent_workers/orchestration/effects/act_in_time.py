"""Acting while the permit is young: the kernel's timer runs for the act alone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from agent_workers.domain.effect import Asked, EffectClass, EffectRules
from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.reply import NotDone, Reply
from agent_workers.domain.step import Broke
from agent_workers.orchestration.effects.act_rules import life_of_key
from agent_workers.orchestration.ports import Timer
from agent_workers.orchestration.store import ServerTime


@dataclass(frozen=True, slots=True)
class TooLate:
    """The permit was granted, and the tool was not called."""

    why: str

    def as_reply(self) -> NotDone:
        return NotDone(
            broke=Broke(
                code="permit_late",
                message=f"The tool has not been called, and will be tried again: {self.why}",
                retryable=True,
            )
        )


class InTime:
    """Calls a tool under a timer, unless too little of the permit's time is left for it."""

    def __init__(self, timer: Timer, clock: ServerTime) -> None:
        self._timer = timer
        self._clock = clock

    def act(
        self, rules: EffectRules, asked: Asked, *, began: float, act: Callable[[], Reply]
    ) -> Reply | TooLate:
        """Act; `began` is when the permit was asked for, by the timer's clock.

        The timer does not run while the permit waits for a connection, a lock or its commit: a
        slow Postgres would end this process, and with it the steps of its other threads.
        """
        deadline = began + self._budget(rules, asked).total_seconds()
        if not self._is_early(rules, deadline):
            return TooLate(
                "the permit came too late, because the database or this machine was slow"
            )
        # Also asked before the timer runs, for the same reason.
        late = self._by_their_clock(rules, asked)
        if late is not None:
            return late
        with self._timer.armed(deadline):
            # Once more, since nothing but the timer follows: we may have been frozen before it ran.
            if not self._is_early(rules, deadline):
                return TooLate("this process was held up")
            return act()

    def _budget(self, rules: EffectRules, asked: Asked) -> timedelta:
        """How long the permit may be acted under.

        A keyed tool runs on a thread beside others, and may be slow: only the death of its key
        ends the process. Nothing gentler does: a thread that is frozen behind its last look at the
        clock sends when it wakes.
        """
        if rules.cls is EffectClass.KEYED:
            return life_of_key(rules, asked)
        return rules.kernel_budget

    def _is_early(self, rules: EffectRules, deadline: float) -> bool:
        return deadline - self._timer.now() >= rules.timeout.total_seconds()

    def _by_their_clock(self, rules: EffectRules, asked: Asked) -> TooLate | None:
        """Our clock stands still while the machine is paused; that of Postgres does not."""
        if rules.cls is EffectClass.KEYED:
            return None
        try:
            now = self._clock.now()
        except StateUnavailable as error:
            return TooLate(f"the database did not say what time it is: {error}")
        if now > asked.now + rules.kernel_budget - rules.timeout:
            return TooLate("the permit came too late by the clock of Postgres")
        return None
