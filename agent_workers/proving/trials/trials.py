"""What a trial is: tools of one class, a list of blows, and who comes after."""

from dataclasses import dataclass
from enum import StrEnum

from agent_workers.proving.process.orders import Blow, Trip

# Longer than a tool's lease, shorter than a permit's quiet time.
DOZE_S = 0.75
# A job that is canceled while its worker stands here has no permit yet, and gets none.
BEFORE_PERMIT = frozenset({"plan.begin", "plan.record", "plan.recorded", "permit.begin"})


class Fault(StrEnum):
    NONE = "none"
    # The process dies; another one goes on.
    KILL = "kill"
    # It freezes until others have brought the job to rest, then wakes.
    FREEZE = "freeze"
    # It freezes until its lease has run out, then wakes while others go on.
    DOZE = "doze"
    # Two workers are in the same step; they wake in turn, the older first.
    DUEL = "duel"
    # It dies, and so does the one that came after.
    PAIR = "pair"
    # The one that clears up behind it dies at that.
    SWEEP = "sweep"
    # It wakes too late for its own step, and dies as it takes another.
    LATE = "late"
    # The wire to Postgres, or to Redis, breaks at a chunk.
    POSTGRES = "postgres"
    REDIS = "redis"
    # The tool's own server is down, slow, or loses what it answered.
    SERVER = "server"
    # The tool or its server behaves badly in more than one attempt, with a death in between or not.
    BEHAVES = "behaves"
    # The job is canceled, or paused and resumed, while the process is frozen.
    CANCEL = "cancel"
    PAUSE = "pause"


class Due(StrEnum):
    """What has to come of a trial."""

    ONCE = "once"
    # Nobody can know, so somebody is asked.
    DOUBT = "doubt"
    # An assumption of GUARANTEES.md is broken: nobody here can notice that it happened twice.
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """Tools of one effect class, as a job uses them, and how their counterpart behaves."""

    name: str
    tools: tuple[str, ...]
    may_doubt: bool = False
    key_ttl_s: float = 3600.0
    shows_after_s: float = 0.0
    # Its first doorbell names a step that is not there: whoever answers takes what is due.
    astray: bool = False


VARIANTS = (
    Variant(name="pure", tools=("pure",)),
    Variant(name="keyed", tools=("keyed",)),
    Variant(name="keyed_short", tools=("keyed_short",), key_ttl_s=2.6),
    Variant(name="reconcilable", tools=("reconcilable",), shows_after_s=0.04),
    Variant(name="transactional", tools=("transactional",)),
    Variant(name="unsafe", tools=("unsafe",), may_doubt=True),
    Variant(name="side_by_side", tools=("keyed", "transactional"), astray=True),
)
BY_NAME = {variant.name: variant for variant in VARIANTS}
SERVER_FAULTS = ("lose", "drop", "slow", "late", "deny", "fail", "lose lose", "drop lose")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One job, what befalls its workers one after the other, and where."""

    number: int
    variant: Variant
    fault: Fault
    place: str = ""
    # Blows to the first worker, then to the second.
    trips: tuple[Trip, ...] = ()
    then: tuple[Trip, ...] = ()
    # Of the wire: which chunk, and how.
    chunk: int = 0
    how: str = ""
    script: tuple[str, ...] = ()
    # The last worker: one that serves all lanes, or two with split lanes.
    split: bool = False
    prepare: str = ""
    # The first worker is the last one with this code: who comes later has other schemas.
    deployed: bool = False
    due: Due = Due.ONCE
    watch: bool = False
    # Nobody rings for its job.
    unrung: bool = False
    # How long nobody comes after the blow.
    alone_s: float = 0.0
    # Lay a wire that stays whole, to count its chunks.
    measures: Fault | None = None

    @property
    def name(self) -> str:
        """What to give to `--only` to repeat it."""
        return f"{self.variant.name}/{self.fault}/{self.place}"

    @property
    def subject(self) -> str:
        return f"t{self.number}"

    @property
    def subjects(self) -> tuple[str, ...]:
        """What each of its tools acts upon."""
        return tuple(f"{self.subject}/{n}" for n in range(len(self.variant.tools)))


def kill(point: str) -> Trip:
    return Trip(blow=Blow.KILL, point=point)


def stop(point: str) -> Trip:
    return Trip(blow=Blow.STOP, point=point)
