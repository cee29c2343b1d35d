"""Claiming in memory: one step at a time, by its name or the oldest that is due."""

import time
from collections.abc import Sequence
from datetime import timedelta

from agent_workers.domain import codec
from agent_workers.domain.claim import Claimed, Done
from agent_workers.domain.errors import FenceLost
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.job import JobStatus
from agent_workers.domain.step import Lane, StepKind, StepStatus
from agent_workers.testing.memory import money
from agent_workers.testing.memory.rows import Job, Rows, Step, Stop

_CLAIMABLE = frozenset(
    {
        JobStatus.QUEUED,
        JobStatus.RUNNING,
        JobStatus.WAITING,
        JobStatus.IN_DOUBT,
        JobStatus.QUARANTINED,
    }
)
_MS = timedelta(milliseconds=1)
_COMPONENTS = {
    StepKind.PLAN: "planner",
    StepKind.TOOL: "tool_router",
    StepKind.EVALUATE: "evaluator",
}
BUDGET_SPENT = codec.failure("budget_spent", "the job could not pay for its next step")


class Claims:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def named(self, tenant_id: TenantId, job_id: JobId, position: int) -> Claimed | None:
        """Claim this step; None when somebody has it, or it is not due."""
        job = self._rows.jobs.get((tenant_id, job_id))
        if job is None or not _is_claimable(self._rows, job) or position >= len(job.steps):
            return None
        return self._taken(job, job.steps[position])

    def next(self, lanes: Sequence[Lane]) -> Claimed | None:
        """Claim the oldest due step of these lanes, in their order."""
        for lane in lanes:
            due = [
                (step.due_at, job, step)
                for job in self._rows.jobs.values()
                if _is_claimable(self._rows, job)
                for step in job.steps
                if step.told.lane is lane and _is_due(self._rows, step)
            ]
            # A step that its job cannot pay for pauses that job; the next one may be affordable.
            for _, job, step in sorted(due, key=lambda one: one[0]):
                if (claimed := self._taken(job, step)) is not None:
                    return claimed
        return None

    def history(self, claimed: Claimed, *, limit: int) -> tuple[Done, ...]:
        """Read the newest recorded steps before this one, in whole rounds, oldest first."""
        steps = self._rows.job_of(claimed).steps[: claimed.position + 1]
        plans = [
            step.position
            for step in steps
            if step.told.kind is StepKind.PLAN and step.position <= claimed.position - limit
        ]
        return tuple(
            Done(
                position=step.position,
                round=step.told.round,
                kind=step.told.kind,
                tool=step.told.tool,
                call_id=step.told.call_id,
                type=step.outcome_type,
                outcome=step.outcome,
            )
            for step in steps[max(plans, default=0) : claimed.position]
            if step.status is StepStatus.DONE
        )

    def _taken(self, job: Job, step: Step) -> Claimed | None:
        rows = self._rows
        if not _is_due(rows, step):
            return None
        is_limited = job.allowance_micro > 0 or job.draws
        # A plan for which nothing is held may cost something all the same.
        may_cost = step.hold_micro > 0 or step.told.kind is StepKind.PLAN
        if is_limited and job.status is not JobStatus.CANCELING and may_cost:
            hold = max(step.hold_micro, int(job.draws))
            if not money.pay_for(rows, job, hold):
                _pause_for_money(rows, job)
                return None
        step.take(rows.now())
        job.book(held=step.hold_micro)
        if job.status in {JobStatus.QUEUED, JobStatus.WAITING}:
            kind = "started" if job.status is JobStatus.QUEUED else "resumed"
            job.status, job.started_at = JobStatus.RUNNING, job.started_at or rows.now()
            component = _COMPONENTS[step.told.kind]
            job.note(rows.now(), kind, {"stage": "execute", "component": component})
        return _claimed(rows, job, step)


class Calls:
    """Calls of models in steps for which nothing is held."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def begin(self, claimed: Claimed, worst_micro: int) -> bool:
        """Hold what a call may cost at most; false when its tenant's budgets cannot pay for it."""
        job, step = self._rows.job_of(claimed), self._rows.held(claimed)
        if step is None:
            raise FenceLost("the step was taken from its worker before it called a model")
        if job.draws and not money.pay_for(self._rows, job, worst_micro):
            return False
        step.called_micro += worst_micro
        job.book(held=worst_micro)
        return True

    def begun_micro(self, claimed: Claimed) -> int:
        """What the calls of this claim may have cost at most, where nothing was held for them."""
        if claimed.hold_micro or claimed.tool:
            return 0
        step = self._rows.held(claimed)
        return step.called_micro if step else 0


def _is_due(rows: Rows, step: Step) -> bool:
    return step.status is StepStatus.READY and step.due_at <= rows.now()


def _is_claimable(rows: Rows, job: Job) -> bool:
    if job.status is JobStatus.CANCELING:
        return True
    is_in_time = job.deadline_at is None or job.deadline_at > rows.now()
    return job.status in _CLAIMABLE and not job.pause_requested and is_in_time


def _pause_for_money(rows: Rows, job: Job) -> None:
    """Pause every step that could be claimed: one that cannot be would stand in everybody's way."""
    for step in job.steps:
        if step.status is StepStatus.READY:
            step.leave(StepStatus.PAUSED)
    job.status, job.pause_requested = JobStatus.PAUSED, True
    told = {"stage": "execute", "component": "cost", "reason": "budget"}
    job.note(rows.now(), "paused", told)
    if job.submission.depth > 0:
        # Its parent waits for its end.
        rows.stops.append(Stop(job, JobStatus.FAILED, BUDGET_SPENT, "budget", now=False))


def _claimed(rows: Rows, job: Job, step: Step) -> Claimed:
    told, asked = step.told, job.submission
    deadline = job.deadline_at
    return Claimed(
        tenant_id=job.tenant_id,
        job_id=job.job_id,
        root_id=job.root_id,
        position=step.position,
        round=told.round,
        kind=told.kind,
        lane=told.lane,
        fence=step.fence,
        tries=step.tries,
        tool=told.tool,
        call_id=told.call_id,
        arguments=told.arguments,
        effect=told.effect,
        timeout_ms=told.timeout_ms,
        hold_micro=step.hold_micro,
        agent=asked.agent,
        input=asked.input,
        max_steps=asked.max_steps,
        agent_version=job.version,
        user_id=asked.user_id,
        depth=asked.depth,
        course=job.course,
        next_position=len(job.steps),
        left_micro=money.left_to(rows, job),
        deadline_ms=None if deadline is None else round((deadline - rows.now()) / _MS),
        claimed_at_s=time.monotonic(),
    )
