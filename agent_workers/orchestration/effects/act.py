"""One tool effect: intent, permit, act, evidence. The only code that lets a tool act."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from agent_workers.domain.claim import Claimed
from agent_workers.domain.effect import (
    Abandon,
    Adopt,
    Asked,
    Doubt,
    EffectClass,
    EffectRules,
    Grant,
    LookedUp,
    LookUp,
    PermitAnswer,
    PermitMode,
    Proof,
    Says,
    Source,
    Tries,
    WaitUntil,
)
from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.ids import EffectKey, effect_key
from agent_workers.domain.permitting import decide_permit, silence_of, what_is_known
from agent_workers.domain.reply import NotDone, Reply
from agent_workers.domain.step import Broke, ToolFailed, ToolRan
from agent_workers.orchestration.effects.act_rules import (
    BARRED,
    MOST_TRIES_WITHOUT_ITS_TOOL,
    NEXT_LOOK_AT_BREAKER,
    SETTLING,
    Acted,
    Barred,
    Parked,
    acted_of,
    acts,
    after_failed_look,
    did_nothing,
    is_left_alone,
    life_of_key,
    not_quiet,
    out_of_tries,
    seen_absent,
    settled,
    until_next_look,
)
from agent_workers.orchestration.failing import needs_permit
from agent_workers.orchestration.ports import Effects, Timer
from agent_workers.orchestration.store import Open, Permitting, ServerTime


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


_LONGEST_PROBLEM: Final = 500


class EffectProtocol:
    """Runs effects under permits; see GUARANTEES.md for what holds at every point of it."""

    def __init__(self, permits: Permitting, tools: Effects, timer: Timer) -> None:
        self._permits = permits
        self._tools = tools
        self._timer = timer
        self._in_time = InTime(timer, permits)

    def run(
        self, claimed: Claimed, rules: EffectRules, *, max_tries: int, barred: bool = False
    ) -> Acted | Parked:
        """Act at most once, or say why not; who is barred still clears what an attempt left open."""
        acted = self._run(claimed, rules, max_tries=max_tries, barred=barred)
        if isinstance(acted, Parked) or not isinstance(acted.outcome, ToolRan):
            return acted
        # It happened, whatever its result looks like: that is kept, and said.
        objection = self._tools.objection(claimed, acted.outcome.result)
        if not objection:
            return acted
        return replace(acted, outcome=replace(acted.outcome, degraded=objection))

    def without_its_tool(self, claimed: Claimed, why: str) -> Acted | Parked | None:
        """Say what is known of an effect whose tool is not here; None: another worker may do it.

        What many tries found nobody for is told to a person.
        """
        key = effect_key(claimed.root_id, claimed.position)
        if not needs_permit(claimed) or not self._permits.is_intended(claimed, key):
            return None
        with self._permits.transaction() as connection:
            asked = self._permits.ask(connection, claimed, key, claimed.arguments)
            if (known := what_is_known(asked.known)) is not None:
                return self._without_acting(asked, known)
            is_alone = claimed.tries >= MOST_TRIES_WITHOUT_ITS_TOOL and is_left_alone(asked)
            if not is_alone or self._permits.key_lives(connection, claimed, key):
                return None
            reason = f"{silence_of(asked.known.last)}, and no worker has the tool: {why}"
            self._permits.doubt(connection, claimed, key, reason)
            return Parked(why="in_doubt")

    def _run(
        self, claimed: Claimed, rules: EffectRules, *, max_tries: int, barred: bool
    ) -> Acted | Parked:
        key = effect_key(claimed.root_id, claimed.position)
        looked: LookedUp | None = None
        broke: Broke | None = None
        while True:
            began = self._timer.now()
            asked, answer = self._ask(claimed, rules, key, looked, max_tries, barred)
            if isinstance(answer, Barred):
                return self._barred(asked)
            if isinstance(answer, Grant) and acts(asked, answer):
                return self._act(claimed, rules, key, asked, began)
            if not isinstance(answer, LookUp) or asked.result == "fenced":
                return self._without_acting(asked, answer)
            if looked is not None and broke is not None:
                wait, settles = after_failed_look(asked), asked.result == SETTLING
                return Acted(outcome=broke, patience=wait, settles=settles)
            looked, broke = self._look_up(claimed, asked, key)

    def _act(
        self, claimed: Claimed, rules: EffectRules, key: EffectKey, asked: Asked, began: float
    ) -> Acted:
        attempt, alone = _next_attempt(asked), asked.known.quiet_after is None
        reply = self._in_time.act(
            rules,
            asked,
            began=began,
            act=lambda: self._tools.act(claimed, asked.request, key=key, attempt=attempt),
        )
        settles = asked.result == SETTLING
        if not isinstance(reply, TooLate):
            return replace(acted_of(reply, key, attempt, alone=alone), settles=settles)
        acted = acted_of(reply.as_reply(), key, attempt, alone=alone)
        # The tool was not called: that counts for nobody's tries.
        return replace(acted, patience=until_next_look(claimed), settles=settles)

    def _ask(
        self,
        claimed: Claimed,
        rules: EffectRules,
        key: EffectKey,
        looked: LookedUp | None,
        max_tries: int,
        barred: bool,  # noqa: FBT001 (as above)
    ) -> tuple[Asked, PermitAnswer | Barred]:
        with self._permits.transaction() as connection:
            asked = self._permits.ask(connection, claimed, key, claimed.arguments)
            tries = Tries(made=claimed.tries, most=max_tries)
            answer = decide_permit(rules, asked.known, asked.now, looked, tries)
            if asked.result == "fenced":
                return asked, answer
            if asked.result == SETTLING:
                answer = settled(answer, looked, tries, asked.known.last)
            if isinstance(answer, LookUp) and looked is not None and looked.failed:
                self._permits.looked_in_vain(connection, claimed, key, for_good=looked.for_good)
            if isinstance(answer, Grant) and answer.mode is PermitMode.AFTER_ABSENT:
                self._permits.absent(connection, claimed, key)
                asked = seen_absent(asked)
            if barred and isinstance(answer, Grant) and acts(asked, answer):
                return asked, Barred()
            if isinstance(answer, Grant) and tries.made >= tries.most:
                answer = out_of_tries(rules, answer, claimed.tries, asked.known.last)
            self._keep(connection, claimed, rules, key, asked, answer)
            return asked, answer

    def _keep(
        self,
        connection: Open,
        claimed: Claimed,
        rules: EffectRules,
        key: EffectKey,
        asked: Asked,
        answer: PermitAnswer,
    ) -> None:
        match answer:
            case Grant() if acts(asked, answer):
                attempt = _next_attempt(asked)
                self._permits.grant(connection, claimed, key, answer.mode, attempt, rules)
            case Adopt(source=Source() as source):
                attempt = _next_attempt(asked) - 1
                proof = Proof(
                    key=key,
                    attempt=attempt,
                    says=Says.HAPPENED,
                    source=source,
                    result=answer.result,
                )
                self._permits.evidence(connection, claimed, proof)
            case Doubt():
                self._permits.doubt(connection, claimed, key, answer.reason)
            case Abandon():
                self._permits.abandon(connection, claimed, key, answer.reason)
            case _:
                pass

    def _barred(self, asked: Asked) -> Acted | Parked:
        if asked.result != SETTLING:
            return Parked(why="barred", certainly_not=did_nothing(asked))
        broke = Broke(code="breaker_open", message=BARRED, retryable=True)
        return Acted(outcome=broke, patience=NEXT_LOOK_AT_BREAKER, settles=True)

    def _without_acting(self, asked: Asked, answer: PermitAnswer) -> Acted | Parked:
        if asked.result == "fenced":
            return Parked(why="fenced")
        match answer:
            case Adopt():
                return Acted(outcome=ToolRan(result=answer.result))
            case WaitUntil():
                wait = max(answer.at - asked.now, timedelta(0)) + timedelta(milliseconds=20)
                return Acted(outcome=not_quiet(asked, answer), patience=wait)
            case Doubt():
                return Parked(why="in_doubt")
            case Abandon():
                sure = did_nothing(asked)
                failed = ToolFailed(
                    code="effect_not_done" if sure else "effect_abandoned", message=answer.reason
                )
                return Acted(outcome=failed, certainly_not=sure)
            case Grant() | LookUp():
                return Parked(why="stopping")

    def _look_up(
        self, claimed: Claimed, asked: Asked, key: EffectKey
    ) -> tuple[LookedUp, Broke | None]:
        began_at = self._permits.now()
        seen = self._tools.look_up(claimed, asked.request, key=key)
        looked = LookedUp(
            began_at=began_at,
            found=seen.found,
            result=seen.result,
            contradictory=seen.contradictory,
            failed=seen.broke is not None,
            problem=seen.broke.message[:_LONGEST_PROBLEM] if seen.broke else "",
            for_good=seen.broke is not None and not seen.broke.retryable,
        )
        return looked, seen.broke


def _next_attempt(asked: Asked) -> int:
    return 1 + (asked.known.last.attempt if asked.known.last else 0)
