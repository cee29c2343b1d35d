"""What a worker holds once it has claimed a step, and what recording it gave back."""

from dataclasses import dataclass
from enum import StrEnum

from agent_workers.domain.course import NEW, Course
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.step import Lane, StepKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One recorded step of the past: its outcome as the bytes that were stored."""

    position: int
    round: int
    kind: StepKind
    tool: str
    type: str
    outcome: bytes
    call_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A step that is ours until somebody claims it with a higher fence."""

    tenant_id: TenantId
    job_id: JobId
    root_id: JobId
    position: int
    round: int
    kind: StepKind
    lane: Lane
    fence: int
    tries: int
    tool: str
    call_id: str
    arguments: bytes
    effect: EffectClass
    timeout_ms: int
    hold_micro: int
    agent: str
    input: bytes
    max_steps: int
    agent_version: str = ""
    # Whom the job is done for, and the conversation that it belongs to; empty: nobody's, none.
    user_id: str = ""
    session_id: str = ""
    depth: int = 0
    course: Course = NEW
    # The position that the next new step of the job will have.
    next_position: int = 0
    # What is left of the job's allowance, and of the time until its deadline; None: no such limit.
    left_micro: int | None = None
    deadline_ms: int | None = None
    # On this process's monotonic clock: when the deadline was so far away.
    claimed_at_s: float = 0.0
    more: bool = False
    # False: input and arguments are too large to be sent while the job is locked; read them next.
    is_whole: bool = True
    # None: not known here, read it when it is needed. A carried step has it in memory.
    history: tuple[Done, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Onward:
    """How the worker that records a step may go on afterwards.

    `lanes`: claim what is due next in these, in the record's own transaction, when the job itself
    leaves nothing to carry on with. `yields`: this job has gone on for long; if another tenant waits in
    these lanes, it is not carried on. `barred`: tenants of which no other job is claimed.
    """

    carry: bool = True
    yields: bool = False
    task_id: str | None = None
    lanes: tuple[Lane, ...] = ()
    look_further: bool = False
    barred: tuple[TenantId, ...] = ()


HALT = Onward(carry=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingDue:
    """The worker looked for more while it recorded, and there was nothing."""


class RecordResult(StrEnum):
    RECORDED = "recorded"
    FENCED = "fenced"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of a record: the job's status, and which new step we hold already."""

    result: RecordResult
    status: str = ""
    open_steps: int = 0
    first_position: int | None = None
    carried: int = 0
    # Why the job failed, where the database decided that.
    code: str = ""
    # Another job's step, claimed on the way.
    claimed: Claimed | NothingDue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A step that somebody should come for."""

    tenant_id: TenantId
    job_id: JobId
    position: int
    kind: StepKind
    lane: Lane
    high: bool = False
    rings: int = 0
