"""One tool effect: intent, permit, act, evidence. The only code that lets a tool act."""

from dataclasses import dataclass
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
    OnDoubt,
    PermitAnswer,
    PermitMode,
    Proof,
    Says,
    Source,
    WaitUntil,
    decide_permit,
)
from agent_workers.domain.ids import EffectKey, effect_key
from agent_workers.domain.reply import Happened, NotDone, Reply, Unclear
from agent_workers.domain.step import Broke, ToolFailed, ToolRan
from agent_workers.orchestration.ports import Effects, Timer
from agent_workers.orchestration.retry import delay_after
from agent_workers.state.permits import Asked, Permits

_KERNEL_TIMED = frozenset({EffectClass.RECONCILABLE, EffectClass.UNSAFE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """What acting gave: an outcome or a failed attempt, with the proof to keep beside it."""

    outcome: ToolRan | ToolFailed | Broke
    proof: Proof | None = None
    # Not a failed attempt but a wait that the protocol asks for.
    patience: timedelta | None = None

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """The step is no longer ours to record: in doubt, stopped, or somebody else's."""

    why: str


class EffectProtocol:
    """Runs effects under permits; see GUARANTEES.md for what holds at every point of it."""

    def __init__(self, permits: Permits, tools: Effects, timer: Timer) -> None:
        self._permits = permits
        self._tools = tools
        self._timer = timer

    def run(self, claimed: Claimed, rules: EffectRules, *, max_tries: int) -> Acted | Parked:
        """Act at most once, or say why not."""
        key = effect_key(claimed.root_id, claimed.position)
        looked: LookedUp | None = None
        while True:
            # The timer runs before the permit exists, so that it ends before its quiet time.
            with self._timer.armed(rules.kernel_budget) as rearm:
                asked, answer = self._ask(claimed, rules, key, looked, max_tries)
                if isinstance(answer, Grant) and asked.result == "ok":
                    if rules.cls is EffectClass.KEYED:
                        rearm(life_of_key(rules, asked))
                    attempt = _next_attempt(asked)
                    reply = self._tools.act(claimed, asked.request, key=key, attempt=attempt)
                    return _acted(reply, key, attempt)
            if not isinstance(answer, LookUp) or asked.result == "fenced":
                return self._without_acting(asked, answer)
            seen = self._look_up(claimed, asked, key)
            if isinstance(seen, Acted):
                return seen
            looked = seen

    def _ask(
        self,
        claimed: Claimed,
        rules: EffectRules,
        key: EffectKey,
        looked: LookedUp | None,
        max_tries: int,
    ) -> tuple[Asked, PermitAnswer]:
        with self._permits.transaction() as connection:
            asked = self._permits.ask(connection, claimed, key, claimed.arguments)
            answer = decide_permit(rules, asked.known, asked.now, looked)
            if asked.result == "fenced":
                return asked, answer
            if isinstance(answer, Grant) and answer.mode is PermitMode.AFTER_ABSENT:
                self._permits.absent(connection, claimed, key)
            if isinstance(answer, Grant) and claimed.tries >= max_tries:
                answer = _out_of_tries(rules, answer, claimed.tries)
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
            return asked, answer

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
                return Acted(outcome=ToolFailed(code="effect_abandoned", message=answer.reason))
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


def _acted(reply: Reply, key: EffectKey, attempt: int) -> Acted:
    match reply:
        case Happened():
            proof = Proof(key=key, attempt=attempt, says=Says.HAPPENED, result=reply.result)
            return Acted(outcome=ToolRan(result=reply.result), proof=proof)
        case NotDone():
            message = reply.broke.message
            proof = Proof(
                key=key, attempt=attempt, says=Says.NOT_EXECUTED, result=None, reason=message
            )
            return Acted(outcome=reply.broke, proof=proof)
        case Unclear():
            message = reply.broke.message
            proof = Proof(key=key, attempt=attempt, says=Says.UNKNOWN, result=None, reason=message)
            return Acted(outcome=reply.broke, proof=proof)


def life_of_key(rules: EffectRules, asked: Asked) -> timedelta:
    """How long a thread may go on with a key: until a send would no longer be the same effect.

    Other steps run in the same process, so it is not ended for one slow call any sooner. A permit
    that is granted although the key has died begins a new life of it.
    """
    assert rules.key_ttl is not None
    whole = rules.key_ttl - rules.settle
    if asked.known.first_granted_at is None:
        return whole
    left = whole - (asked.now - asked.known.first_granted_at)
    return left if left >= rules.kernel_budget else whole


def _out_of_tries(rules: EffectRules, answer: Grant, tries: int) -> PermitAnswer:
    """Enough was tried: certain failure where it is certain, doubt where it is not."""
    if answer.mode is PermitMode.AFTER_VERDICT:
        return answer  # a person asked for it
    if answer.mode not in {PermitMode.SAME_KEY, PermitMode.REPEAT}:
        return Abandon(reason=f"it did not happen in {tries} attempts")
    if rules.on_doubt is OnDoubt.FAIL:
        return Abandon(reason=f"no clear reply in {tries} attempts")
    return Doubt(reason=f"no clear reply in {tries} attempts")
