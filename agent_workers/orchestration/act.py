"""One tool effect: intent, permit, act, evidence. The only code that lets a tool act."""

from dataclasses import dataclass, replace
from datetime import timedelta

from agent_workers.domain.claim import Claimed
from agent_workers.domain.decision import TryAgain
from agent_workers.domain.effect import (
    Abandon,
    Adopt,
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
    WaitUntil,
    decide_permit,
)
from agent_workers.domain.ids import EffectKey, effect_key
from agent_workers.domain.recovery import delay_after
from agent_workers.domain.reply import Happened, NotDone, Reply, Unclear
from agent_workers.domain.step import Broke, ToolFailed, ToolRan
from agent_workers.orchestration.act_in_time import InTime, TooLate
from agent_workers.orchestration.act_rules import (
    did_nothing,
    out_of_tries,
    seen_absent,
)
from agent_workers.orchestration.ports import Effects, Timer
from agent_workers.state.engine import Connection
from agent_workers.state.permits import Asked, Permits

_KERNEL_TIMED = frozenset({EffectClass.RECONCILABLE, EffectClass.UNSAFE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """What acting gave: an outcome or a failed attempt, with the proof to keep beside it."""

    outcome: ToolRan | ToolFailed | Broke
    proof: Proof | None = None
    # Not a failed attempt but a wait that the protocol asks for.
    patience: timedelta | None = None
    # No attempt of this effect can have happened: something else may be done instead.
    certainly_not: bool = False

    def again(self, broke: Broke, tries: int, *, jitter: float) -> TryAgain | None:
        """The protocol's own way to go on; None when the step's retry policy decides."""
        if self.patience is not None:
            return TryAgain(
                delay=self.patience, code=broke.code, message=broke.message, counts=False
            )
        if self.proof is not None and self.proof.says is Says.UNKNOWN:
            # What follows silence is for the next permit to say, however often it was tried.
            delay = delay_after(tries + 1, jitter=jitter)
            return TryAgain(delay=delay, code=broke.code, message=broke.message)
        return None


@dataclass(frozen=True, slots=True)
class Barred:
    """A permit could have been granted, but a breaker stands in the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """The step has no result: in doubt, stopped, somebody else's, or kept from acting."""

    why: str
    certainly_not: bool = False


class EffectProtocol:
    """Runs effects under permits; see GUARANTEES.md for what holds at every point of it."""

    def __init__(self, permits: Permits, tools: Effects, timer: Timer) -> None:
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

    def _run(
        self, claimed: Claimed, rules: EffectRules, *, max_tries: int, barred: bool
    ) -> Acted | Parked:
        key = effect_key(claimed.root_id, claimed.position)
        looked: LookedUp | None = None
        while True:
            began = self._timer.now()
            asked, answer = self._ask(claimed, rules, key, looked, max_tries, barred)
            if isinstance(answer, Barred):
                return Parked(why="barred", certainly_not=did_nothing(asked))
            if isinstance(answer, Grant) and asked.result == "ok":
                return self._act(claimed, rules, key, asked, began)
            if not isinstance(answer, LookUp) or asked.result == "fenced":
                return self._without_acting(asked, answer)
            seen = self._look_up(claimed, asked, key)
            if isinstance(seen, Acted):
                return seen
            looked = seen

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
        if not isinstance(reply, TooLate):
            return _acted(reply, key, attempt, alone=alone)
        acted = _acted(reply.as_reply(), key, attempt, alone=alone)
        # The tool was not called: that counts for nobody's tries.
        return replace(acted, patience=timedelta(seconds=2 ** min(claimed.fence - 1, 6)))

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
            answer = decide_permit(rules, asked.known, asked.now, looked)
            if asked.result == "fenced":
                return asked, answer
            if isinstance(answer, Grant) and answer.mode is PermitMode.AFTER_ABSENT:
                self._permits.absent(connection, claimed, key)
                asked = seen_absent(asked)
            if barred and isinstance(answer, Grant) and asked.result == "ok":
                return asked, Barred()
            if isinstance(answer, Grant) and claimed.tries >= max_tries:
                answer = out_of_tries(rules, answer, claimed.tries)
            self._keep(connection, claimed, rules, key, asked, answer)
            return asked, answer

    def _keep(
        self,
        connection: Connection,
        claimed: Claimed,
        rules: EffectRules,
        key: EffectKey,
        asked: Asked,
        answer: PermitAnswer,
    ) -> None:
        match answer:
            case Grant() if asked.result == "ok":
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

    def _without_acting(self, asked: Asked, answer: PermitAnswer) -> Acted | Parked:
        if asked.result == "fenced":
            return Parked(why="fenced")
        match answer:
            case Adopt():
                return Acted(outcome=ToolRan(result=answer.result))
            case WaitUntil():
                wait = max(answer.at - asked.now, timedelta(0)) + timedelta(milliseconds=20)
                broke = Broke(code="waiting_for_quiet", message="a permit may act", retryable=True)
                return Acted(outcome=broke, patience=wait)
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

    def _look_up(self, claimed: Claimed, asked: Asked, key: EffectKey) -> LookedUp | Acted:
        began_at = self._permits.now()
        seen = self._tools.look_up(claimed, asked.request, key=key)
        if seen.broke is not None:
            return Acted(
                outcome=seen.broke, patience=timedelta(seconds=2 ** min(claimed.fence - 1, 6))
            )
        return LookedUp(
            began_at=began_at,
            found=seen.found,
            result=seen.result,
            contradictory=seen.contradictory,
        )


def is_timed(cls: EffectClass) -> bool:
    """Say whether an effect of this class needs a process of its own and the kernel's timer."""
    return cls in _KERNEL_TIMED


def _next_attempt(asked: Asked) -> int:
    return 1 + (asked.known.last.attempt if asked.known.last else 0)


def _acted(reply: Reply, key: EffectKey, attempt: int, *, alone: bool) -> Acted:
    match reply:
        case Happened():
            proof = Proof(key=key, attempt=attempt, says=Says.HAPPENED, result=reply.result)
            return Acted(outcome=ToolRan(result=reply.result), proof=proof)
        case NotDone():
            message = reply.broke.message
            proof = Proof(
                key=key, attempt=attempt, says=Says.NOT_EXECUTED, result=None, reason=message
            )
            return Acted(outcome=reply.broke, proof=proof, certainly_not=alone)
        case Unclear():
            message = reply.broke.message
            proof = Proof(key=key, attempt=attempt, says=Says.UNKNOWN, result=None, reason=message)
            return Acted(outcome=reply.broke, proof=proof)
