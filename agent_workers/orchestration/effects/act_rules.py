"""What is certain of an effect before a permit is asked for, and what came of acting."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from agent_workers.domain.cause import how_it_ended
from agent_workers.domain.claim import Claimed
from agent_workers.domain.decision import TryAgain
from agent_workers.domain.effect import (
    Abandon,
    Asked,
    Doubt,
    EffectRules,
    EffectState,
    Grant,
    LastPermit,
    LookedUp,
    LookUp,
    OnDoubt,
    PermitAnswer,
    PermitMode,
    Proof,
    Says,
    Tries,
    WaitUntil,
)
from agent_workers.domain.ids import EffectKey
from agent_workers.domain.permitting import silence_of, times
from agent_workers.domain.reply import Happened, NotDone, Reply, Unclear
from agent_workers.domain.step import Broke, ToolFailed, ToolRan
from agent_workers.orchestration.failing import is_wait, unanswered

# What is asked of a job that is being stopped, for a step whose earlier attempt has no answer.
SETTLING: Final = "settling"
BARRED: Final = (
    "Too many calls of the tool failed lately (`agent-workers breakers`): it is not called now"
)
NEXT_LOOK_AT_BREAKER: Final = timedelta(seconds=15)
# With waits that grow to five minutes these are some hours: a deploy may be rolled back meanwhile.
MOST_TRIES_WITHOUT_ITS_TOOL: Final = 40
# Tries that a worker with the tool used up are counted as well, so some time has to pass too.
LEFT_FOR: Final = timedelta(hours=1)


def seen_absent(asked: Asked) -> Asked:
    """What was open is closed now: nothing of it was there."""
    last = asked.known.last
    known = replace(asked.known, quiet_after=None, last=last and replace(last, says=Says.ABSENT))
    return replace(asked, known=known)


def did_nothing(asked: Asked) -> bool:
    """Say whether no permit of the effect can have been used."""
    last = asked.known.last
    closed = last is None or last.says in {Says.NOT_EXECUTED, Says.ABSENT}
    return closed and asked.known.quiet_after is None


def not_quiet(asked: Asked, until: WaitUntil) -> Broke:
    """Say for what a step waits before anything else is done about its effect."""
    attempt = asked.known.last.attempt if asked.known.last else 1
    message = (
        f"Attempt {attempt} may still take effect until {until.at:%H:%M:%S} UTC: waiting until then"
    )
    return Broke(code="waiting_for_quiet", message=message, retryable=True)


def is_left_alone(asked: Asked) -> bool:
    """Say whether a permit has no answer, and has been quiet for long."""
    quiet_after = asked.known.quiet_after
    is_ours = asked.result in {"ok", SETTLING} and asked.known.state is EffectState.INTENDED
    return is_ours and quiet_after is not None and quiet_after + LEFT_FOR <= asked.now


def unfinished(refusal: Broke | ToolFailed) -> Broke:
    """A refusal that cannot end the step, because an earlier attempt had no answer."""
    if isinstance(refusal, Broke):
        return refusal
    return Broke(
        code=refusal.code, message=refusal.message, retryable=True, trouble=refusal.trouble
    )


def after_failed_look(asked: Asked) -> timedelta:
    """How long to wait before the next look-up: longer from one that fails to the next."""
    return timedelta(seconds=2 ** min(asked.known.failed_looks, 6))


def until_next_look(claimed: Claimed) -> timedelta:
    """How long to wait after a permit that came too late."""
    return timedelta(seconds=2 ** min(claimed.fence - 1, 6))


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


def acts(asked: Asked, answer: Grant) -> bool:
    """Say whether a permit is to be granted: in a job that is being stopped, to finish only."""
    if asked.result == SETTLING:
        return answer.mode is PermitMode.SAME_KEY
    return asked.result == "ok"


def settled(
    answer: PermitAnswer, looked: LookedUp | None, tries: Tries, last: LastPermit | None = None
) -> PermitAnswer:
    """What is left of an answer once its job is being stopped: finding out, so many times.

    Nothing is begun. A key that was used may be used again, because that asks what became of it.
    """
    if isinstance(answer, Grant) and answer.mode is PermitMode.REPEAT:
        return Doubt(reason=f"The job was canceled. {silence_of(last)}")
    uses_key = isinstance(answer, Grant) and answer.mode is PermitMode.SAME_KEY
    sees_nothing = isinstance(answer, LookUp) and looked is not None and looked.failed
    if tries.made >= tries.most and (uses_key or sees_nothing):
        return Doubt(
            reason=f"The job was canceled. {silence_of(last)}, and finding out failed {times(tries.made)}"
        )
    return answer


def out_of_tries(
    rules: EffectRules, answer: Grant, tries: int, last: LastPermit | None = None
) -> PermitAnswer:
    """Enough was tried: certain failure where it is certain, doubt where it is not.

    A key that lives is used on: that cannot do anything twice, and giving up would be a doubt.
    """
    if answer.mode in {PermitMode.AFTER_VERDICT, PermitMode.SAME_KEY}:
        return answer  # a person asked for the one
    if answer.mode is not PermitMode.REPEAT:
        ended = (
            f"; attempt {last.attempt} {how_it_ended(last.reason)}" if last and last.reason else ""
        )
        return Abandon(reason=f"it took no effect in {_attempts(tries)}{ended}")
    reason = f"{silence_of(last)}; it was {_last_of(tries)}"
    return Abandon(reason=reason) if rules.on_doubt is OnDoubt.FAIL else Doubt(reason=reason)


def _attempts(count: int) -> str:
    return "1 attempt" if count == 1 else f"{count} attempts"


def _last_of(count: int) -> str:
    return "the only attempt" if count == 1 else f"the last of {count} attempts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """What acting gave: an outcome or a failed attempt, with the proof to keep beside it."""

    outcome: ToolRan | ToolFailed | Broke
    proof: Proof | None = None
    # Not a failed attempt but a wait that the protocol asks for.
    patience: timedelta | None = None
    # No attempt of this effect can have happened: something else may be done instead.
    certainly_not: bool = False
    # Its job is being stopped and waits for this alone, so each attempt counts.
    settles: bool = False

    def again(self, broke: Broke, tries: int, *, jitter: float) -> TryAgain | None:
        """The protocol's own way to go on; None when the step's retry policy decides."""
        if self.patience is not None:
            return TryAgain(
                delay=self.patience,
                code=broke.code,
                message=broke.message,
                counts=self.settles,
                trouble=broke.trouble,
                waits=is_wait(broke),
            )
        if self.proof is not None and not self.certainly_not:
            # What follows silence is for the next permit to say, however often it was tried.
            return unanswered(tries, broke, jitter=jitter)
        return None


@dataclass(frozen=True, slots=True)
class Barred:
    """A permit could have been granted, but a breaker stands in the way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """The step has no result: in doubt, stopped, somebody else's, or kept from acting."""

    why: str
    certainly_not: bool = False


def acted_of(reply: Reply, key: EffectKey, attempt: int, *, alone: bool) -> Acted:
    """Say what a reply means; `alone`: no earlier attempt of the effect is without an answer."""
    match reply:
        case Happened():
            proof = Proof(key=key, attempt=attempt, says=Says.HAPPENED, result=reply.result)
            return Acted(outcome=ToolRan(result=reply.result), proof=proof)
        case NotDone():
            proof = Proof(
                key=key,
                attempt=attempt,
                says=Says.NOT_EXECUTED,
                reason=reply.broke.message,
                is_final=isinstance(reply.broke, ToolFailed),
            )
            # It says nothing of an earlier attempt that had no answer, so it cannot end the step.
            outcome = reply.broke if alone else unfinished(reply.broke)
            return Acted(outcome=outcome, proof=proof, certainly_not=alone)
        case Unclear():
            message = reply.broke.message
            proof = Proof(key=key, attempt=attempt, says=Says.UNKNOWN, result=None, reason=message)
            return Acted(outcome=reply.broke, proof=proof)
