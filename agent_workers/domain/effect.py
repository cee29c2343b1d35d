"""Effects: their classes, and the one pure rule that grants, refuses or doubts a permit."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from agent_workers.domain.clock_reference import tolerance
from agent_workers.domain.ids import EffectKey


class EffectClass(StrEnum):
    """What is known of a tool's side effect; a tool that declares nothing is `unsafe`."""

    PURE = "pure"
    KEYED = "keyed"
    RECONCILABLE = "reconcilable"
    TRANSACTIONAL = "transactional"
    UNSAFE = "unsafe"


class OnDoubt(StrEnum):
    """What to do when nobody can know whether an effect happened."""

    ASK = "ask"
    FAIL = "fail"
    ASSUME_DONE = "assume_done"
    REPEAT = "repeat"


class EffectState(StrEnum):
    INTENDED = "intended"
    IN_DOUBT = "in_doubt"
    DONE = "done"
    ABANDONED = "abandoned"


class PermitMode(StrEnum):
    """Why a permit could be granted although an earlier one may exist."""

    FIRST = "first"
    SAME_KEY = "same_key"
    AFTER_REFUSAL = "after_refusal"
    AFTER_ABSENT = "after_absent"
    AFTER_VERDICT = "after_verdict"
    REPEAT = "repeat"


class Says(StrEnum):
    """What a piece of evidence says of the permit it belongs to."""

    HAPPENED = "happened"
    NOT_EXECUTED = "not_executed"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class Source(StrEnum):
    REPLY = "reply"
    LOOKUP = "lookup"
    VERDICT = "verdict"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRules:
    """What a tool declares about its effect."""

    cls: EffectClass
    timeout: timedelta
    key_ttl: timedelta | None = None
    settle: timedelta = timedelta(seconds=1)
    has_lookup: bool = False
    on_doubt: OnDoubt = OnDoubt.ASK

    @property
    def kernel_budget(self) -> timedelta:
        """How long a process may live with a permit: longer than the tool's own time-out."""
        return self.timeout * 1.25 + timedelta(seconds=1)

    @property
    def quiet_time(self) -> timedelta:
        """How long after its grant a permit may still act, or be seen to have acted."""
        # Clocks may differ by as much as nobody notices.
        return self.kernel_budget + tolerance(self.kernel_budget) + self.settle

    @property
    def key_margin(self) -> timedelta:
        """How long before a key's death its last use may begin."""
        return self.quiet_time


@dataclass(frozen=True, slots=True, kw_only=True)
class LastPermit:
    """The newest permit of an effect, as the database holds it."""

    attempt: int
    says: Says | None
    source: Source | None
    quiet_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEffect:
    """What the database holds of an effect when a permit is asked for."""

    state: EffectState
    result: bytes | None
    first_granted_at: datetime | None
    quiet_after: datetime | None
    last: LastPermit | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A piece of evidence: it belongs to a permit, and is kept whoever holds the step by now."""

    key: EffectKey
    attempt: int
    says: Says
    source: Source = Source.REPLY
    result: bytes | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUp:
    """What a look-up saw, and when it began by the database's clock."""

    began_at: datetime
    found: bool
    result: bytes | None = None
    contradictory: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    mode: PermitMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopt:
    """The effect happened already: take its result, act no more."""

    result: bytes
    source: Source | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """Ask the outside world first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitUntil:
    """An earlier permit may still act; nothing can be known before this."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandon:
    reason: str


PermitAnswer = Grant | Adopt | LookUp | WaitUntil | Doubt | Abandon


def decide_permit(
    rules: EffectRules, known: KnownEffect, now: datetime, looked: LookedUp | None
) -> PermitAnswer:
    """Say what may be done now: pure, total, the same in the model that spin checks."""
    if known.state is EffectState.DONE:
        return Adopt(result=known.result or b"null")
    if known.state is EffectState.ABANDONED:
        return Abandon(reason="abandoned by a verdict")
    if known.last is None:
        return Grant(mode=PermitMode.FIRST)
    # A quiet time stands as long as any permit is open: a repeat that was refused proves nothing
    # of the permit before it.
    if known.last.says in {Says.NOT_EXECUTED, Says.ABSENT} and known.quiet_after is None:
        return Grant(mode=_mode_after(known.last))
    return _after_silence(rules, known, now, looked)


def _mode_after(last: LastPermit) -> PermitMode:
    if last.says is Says.NOT_EXECUTED:
        return PermitMode.AFTER_REFUSAL
    return PermitMode.AFTER_VERDICT if last.source is Source.VERDICT else PermitMode.AFTER_ABSENT


def _after_silence(
    rules: EffectRules, known: KnownEffect, now: datetime, looked: LookedUp | None
) -> PermitAnswer:
    """An earlier permit has no outcome: its holder crashed, is cut off, or is slow."""
    if rules.cls is EffectClass.KEYED and _key_lives(rules, known, now):
        return Grant(mode=PermitMode.SAME_KEY)
    if known.quiet_after is not None and now < known.quiet_after:
        return WaitUntil(at=known.quiet_after)
    if rules.has_lookup and rules.cls in {EffectClass.KEYED, EffectClass.RECONCILABLE}:
        return _by_lookup(rules, known, looked)
    return _doubted(rules, f"no evidence of attempt {_attempt(known)}")


def _key_lives(rules: EffectRules, known: KnownEffect, now: datetime) -> bool:
    if rules.key_ttl is None or known.first_granted_at is None:
        return False
    return now < known.first_granted_at + rules.key_ttl - rules.key_margin


def _by_lookup(rules: EffectRules, known: KnownEffect, looked: LookedUp | None) -> PermitAnswer:
    if looked is None or (known.quiet_after is not None and looked.began_at < known.quiet_after):
        return LookUp()
    if looked.contradictory:
        return _doubted(rules, f"the look-up contradicts itself: {looked.contradictory}")
    if looked.found:
        return Adopt(result=looked.result or b"null", source=Source.LOOKUP)
    return Grant(mode=PermitMode.AFTER_ABSENT)


def _doubted(rules: EffectRules, reason: str) -> PermitAnswer:
    match rules.on_doubt:
        case OnDoubt.ASK:
            return Doubt(reason=reason)
        case OnDoubt.FAIL:
            return Abandon(reason=reason)
        case OnDoubt.ASSUME_DONE:
            return Adopt(result=b"null", source=Source.ASSUMED)
        case OnDoubt.REPEAT:
            return Grant(mode=PermitMode.REPEAT)


def _attempt(known: KnownEffect) -> int:
    return known.last.attempt if known.last else 0
