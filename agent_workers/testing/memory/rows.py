"""What the store in memory holds: jobs with their steps, waits and journal; effects with their permits."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from agent_workers.domain.claim import Claimed, Due
from agent_workers.domain.course import NEW, Course
from agent_workers.domain.effect import (
    EffectClass,
    EffectState,
    Proof,
    Says,
    Source,
)
from agent_workers.domain.ids import EffectKey, JobId, TenantId
from agent_workers.domain.job import TERMINAL, JobStatus, Submission
from agent_workers.domain.step import NextStep, StepStatus
from agent_workers.domain.tools.clock import Clock
from agent_workers.domain.wait import Wait

OPEN: Final = frozenset(StepStatus) - {StepStatus.DONE, StepStatus.CANCELED}
FOR_EVER: Final = timedelta(days=36_500)
UNANSWERED: Final = frozenset({None, Says.UNKNOWN})
_CONTROLS: Final = frozenset({"paused", "resumed", "canceling", "released", "answered"})


@dataclass(slots=True, kw_only=True)
class Step:
    position: int
    told: NextStep
    due_at: datetime
    hold_micro: int
    status: StepStatus = StepStatus.READY
    fence: int = 0
    tries: int = 0
    deaths: int = 0
    called_micro: int = 0
    lease_until: datetime | None = None
    outcome_type: str = ""
    outcome: bytes = b""
    error: bytes | None = None

    def take(self, now: datetime) -> None:
        """Claim it: with a higher fence, and a lease of twice its time."""
        self.status, self.fence, self.called_micro = StepStatus.CLAIMED, self.fence + 1, 0
        self.lease_until = now + timedelta(milliseconds=2 * self.told.timeout_ms)

    def leave(self, status: StepStatus) -> None:
        self.status, self.lease_until = status, None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a job's journal."""

    number: int
    type: str
    at: datetime
    data: Mapping[str, object]


@dataclass(slots=True, kw_only=True)
class Waiting:
    """The wait of a step: what for, since when, and what came of it."""

    wait: Wait
    since: datetime
    expires_at: datetime | None
    held_micro: int = 0
    answer: bytes | None = None

    @property
    def is_answered(self) -> bool:
        return self.answer is not None


@dataclass(slots=True, kw_only=True)
class Message:
    name: str
    data: bytes
    sender: str
    number: int
    taken_by: int | None = None


@dataclass(slots=True, kw_only=True)
class Job:
    submission: Submission
    version: str
    allowance_micro: int
    draws: bool
    steps: list[Step]
    deadline_at: datetime | None
    status: JobStatus = JobStatus.QUEUED
    pause_requested: bool = False
    held_micro: int = 0
    spent_micro: int = 0
    tokens: tuple[int, int, int] = (0, 0, 0)
    size: int = 0
    course: Course = NEW
    workflow: str = ""
    degraded: list[str] = field(default_factory=list)
    output: bytes | None = None
    error: bytes | None = None
    # With what it ends once nothing of it may act any more.
    stop_error: bytes | None = None
    cancel_reason: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    journal: list[Entry] = field(default_factory=list)
    waits: dict[int, Waiting] = field(default_factory=dict)
    mail: list[Message] = field(default_factory=list)

    @property
    def tenant_id(self) -> TenantId:
        return self.submission.tenant_id

    @property
    def job_id(self) -> JobId:
        return self.submission.job_id

    @property
    def root_id(self) -> JobId:
        return JobId(self.submission.root_id or self.submission.job_id)

    @property
    def has_ended(self) -> bool:
        return self.status in TERMINAL

    @property
    def left_micro(self) -> int:
        return self.allowance_micro - self.held_micro - self.spent_micro

    def open_steps(self, *but: StepStatus) -> list[Step]:
        return [step for step in self.steps if step.status in OPEN and step.status not in but]

    def book(self, *, held: int = 0, spent: int = 0) -> None:
        """Add to what is held and spent; nothing is held below zero."""
        self.held_micro = max(0, self.held_micro + held)
        self.spent_micro += spent

    def note(
        self, now: datetime, kind: str, data: Mapping[str, object] | bytes, more: int = 0
    ) -> None:
        """Add an entry to the journal, with its place in a request's way."""
        said = json.loads(data) if isinstance(data, bytes) else dict(data)
        if "stage" not in said:
            said = _place(kind) | said
        self.size += len(json.dumps(said)) + more
        entry = Entry(number=len(self.journal) + 1, type=kind, at=now, data=said)
        self.journal.append(entry)

    def due(self, step: Step, *, high: bool = False) -> Due:
        return Due(
            tenant_id=self.tenant_id,
            job_id=self.job_id,
            position=step.position,
            kind=step.told.kind,
            lane=step.told.lane,
            high=high,
        )


def _place(kind: str) -> dict[str, object]:
    if kind in TERMINAL:
        return {"stage": "respond", "component": "answer"}
    return {"stage": "execute", "component": "control" if kind in _CONTROLS else "recovery"}


@dataclass(slots=True, kw_only=True)
class Permit:
    attempt: int
    quiet_after: datetime
    key_expires_at: datetime | None = None
    says: Says | None = None
    source: Source | None = None
    refused_for_good: bool = False

    @property
    def is_open(self) -> bool:
        return self.says in UNANSWERED

    @property
    def quiet(self) -> datetime:
        """When it acts no more: a thread with a living key may, until it has replied."""
        if self.says is None and self.key_expires_at is not None:
            return max(self.quiet_after, self.key_expires_at)
        return self.quiet_after


@dataclass(slots=True, kw_only=True)
class Effect:
    key: EffectKey
    job_id: JobId
    position: int
    tool: str
    cls: EffectClass
    request: bytes
    state: EffectState = EffectState.INTENDED
    result: bytes | None = None
    reason: str | None = None
    first_granted_at: datetime | None = None
    failed_looks: int = 0
    failed_looks_for_good: int = 0
    permits: list[Permit] = field(default_factory=list)
    evidence: list[Proof] = field(default_factory=list)

    @property
    def is_live(self) -> bool:
        """Say whether somebody holds a right to act that has not been answered yet."""
        return self.state is EffectState.INTENDED and any(one.is_open for one in self.permits)


@dataclass(slots=True, kw_only=True)
class Budget:
    limit_micro: int
    spent_micro: int = 0
    reserved_micro: int = 0
    overrun_micro: int = 0
    # What each job has reserved and not settled yet.
    of_jobs: dict[JobId, int] = field(default_factory=dict)

    @property
    def left_micro(self) -> int:
        return self.limit_micro - self.spent_micro - self.reserved_micro


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What is known of an agent before one of its jobs is planned; a worker registers it."""

    plan_timeout_ms: int
    plan_hold_micro: int = 0
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What an idempotency key stands for."""

    fingerprint: bytes
    job_id: JobId
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Stop:
    """A job that is to be stopped by whoever sweeps next."""

    job: Job
    status: JobStatus
    error: bytes | None
    reason: str
    now: bool


class Rows:
    """The tables, and the clock that decides; one thread at a time."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.jobs: dict[tuple[TenantId, JobId], Job] = {}
        self.effects: dict[tuple[TenantId, EffectKey], Effect] = {}
        self.agents: dict[str, Pace] = {}
        self.keys: dict[tuple[TenantId, str], Kept] = {}
        self.budgets: dict[TenantId, dict[str, Budget]] = {}
        self.stops: list[Stop] = []

    def now(self) -> datetime:
        return self.clock.now()

    def job_of(self, claimed: Claimed) -> Job:
        return self.jobs[claimed.tenant_id, claimed.job_id]

    def held(self, claimed: Claimed) -> Step | None:
        """Return the step behind its fence; None when somebody else has it by now."""
        step = self.job_of(claimed).steps[claimed.position]
        is_ours = step.status is StepStatus.CLAIMED and step.fence == claimed.fence
        return step if is_ours else None

    def effects_of(self, job: Job, position: int | None = None) -> list[Effect]:
        return [
            effect
            for (tenant, _), effect in self.effects.items()
            if (tenant, effect.job_id) == (job.tenant_id, job.job_id)
            and position in {None, effect.position}
        ]

    def has_live_permit(self, job: Job, position: int) -> bool:
        return any(effect.is_live for effect in self.effects_of(job, position))

    def settles(self, job: Job, step: Step) -> bool:
        """Say whether another look, or the same key once more, would tell what became of an attempt."""
        return step.tries < _TRIES_TO_SETTLE and any(
            effect.is_live and effect.cls is not EffectClass.UNSAFE
            for effect in self.effects_of(job, step.position)
        )

    def waiting(self) -> list[tuple[Job, Step, Waiting]]:
        """Give what nobody has answered yet, the oldest first."""
        found = [
            (job, job.steps[position], waiting)
            for job in self.jobs.values()
            for position, waiting in job.waits.items()
            if not waiting.is_answered and job.steps[position].status in OPEN
        ]
        return sorted(found, key=lambda one: one[2].since)

    def waits(self, kind: str, key: str) -> list[tuple[Job, Step, Waiting]]:
        """Give what waits for this."""
        wanted = (kind, key)
        return [one for one in self.waiting() if (one[2].wait.kind, one[2].wait.key) == wanted]


_TRIES_TO_SETTLE: Final = 25
