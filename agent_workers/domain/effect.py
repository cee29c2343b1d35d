"""Effects: their classes, what is known of them, and what may be answered to who wants to act."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from agent_workers.domain.ids import EffectKey
from agent_workers.domain.running.clock_reference import tolerance


class EffectClass(StrEnum):
    """What is known of a tool's side effect; a tool that declares nothing is `unsafe`."""

    PURE = "pure"
    KEYED = "keyed"
    RECONCILABLE = "reconcilable"
    TRANSACTIONAL = "transactional"
    UNSAFE = "unsafe"

    @property
    def leaves_no_mark(self) -> bool:
        """What it did is undone, or was nothing, whenever it fails: it needs no permit."""
        return self in {EffectClass.PURE, EffectClass.TRANSACTIONAL}

    @property
    def ended_by_kernel(self) -> bool:
        """Done one at a time in processes of their own, which the kernel ends when their time is over.

        Only then is it certain that nothing acts later.
        """
        return self in {EffectClass.RECONCILABLE, EffectClass.UNSAFE}


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
    # What it ended with, where it is not known to have happened.
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownEffect:
    """What the database holds of an effect when a permit is asked for."""

    state: EffectState
    result: bytes | None
    first_granted_at: datetime | None
    quiet_after: datetime | None
    last: LastPermit | None
    # How often the tool refused for good.
    refusals: int = 0
    # How many look-ups have failed since the last permit, and of them those that will fail again.
    failed_looks: int = 0
    failed_looks_for_good: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What stands in the way of a permit, or does not: read under the job's lock."""

    result: str
    known: KnownEffect
    request: bytes
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A piece of evidence: it belongs to a permit, and is kept whoever holds the step by now."""

    key: EffectKey
    attempt: int
    says: Says
    source: Source = Source.REPLY
    result: bytes | None = None
    reason: str = ""
    # A refusal that the next attempt would get as well.
    is_final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tries:
    """How many attempts of a step failed, and how many its tool allows."""

    made: int = 0
    most: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUp:
    """What a look-up saw, and when it began by the database's clock."""

    began_at: datetime
    found: bool
    result: bytes | None = None
    contradictory: str = ""
    # It saw nothing, neither the effect nor its absence: why, and whether it will be so again.
    failed: bool = False
    problem: str = ""
    for_good: bool = False


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
