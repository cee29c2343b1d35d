"""Ends: of a job, of what it left open, and of a step that is left undone."""

import json
from collections.abc import Mapping

from agent_workers.domain.claim import Due
from agent_workers.domain.effect import EffectState
from agent_workers.domain.job import JobStatus
from agent_workers.domain.step import StepStatus
from agent_workers.domain.wait import WaitKind
from agent_workers.testing.memory import money
from agent_workers.testing.memory.rows import Effect, Job, Rows, Step, Stop, Waiting

_CANCELED_WITHOUT_ANSWER = (
    "The job was canceled while an attempt had no answer; nobody knows whether it took effect"
)
_NO_ANSWER = "An attempt gave no answer; nobody knows whether it took effect"


def end_job(
    rows: Rows, job: Job, status: JobStatus, error: bytes | None, data: bytes | Mapping[str, object]
) -> None:
    """End a job: open steps are canceled, and what it held is booked as spent."""
    cancel(job.open_steps())
    job.status, job.finished_at = status, rows.now()
    job.error = error if error is not None else job.error
    job.note(rows.now(), status, data)
    job.book(spent=job.held_micro)
    job.held_micro = 0
    _leave_children(rows, job)
    money.settle(rows, job)
    if job.submission.depth > 0:
        wake(rows, WaitKind.CHILD, str(job.job_id), _told_to_parent(job))


def end_stopped(rows: Rows, job: Job) -> None:
    """End a job that was being stopped, of which nothing may act any more, as it was told to."""
    status = JobStatus.CANCELED if job.stop_error is None else JobStatus.FAILED
    end_job(rows, job, status, job.stop_error, job.stop_error or {"reason": job.cancel_reason})


def cancel(steps: list[Step]) -> None:
    for step in steps:
        step.leave(StepStatus.CANCELED)


def stand_down(rows: Rows, job: Job, step: Step) -> StepStatus:
    """Leave a claimed step in an orderly way: the job's status says which."""
    after = StepStatus.PAUSED if job.pause_requested else StepStatus.READY
    if job.status is JobStatus.CANCELING and not rows.settles(job, step):
        after = StepStatus.CANCELED
    step.leave(after)
    job.book(held=-step.hold_micro - step.called_micro)
    if after is StepStatus.CANCELED:
        doubt_open(rows, job, step.position, _CANCELED_WITHOUT_ANSWER)
        if not job.open_steps():
            end_stopped(rows, job)
    return after


def mark_doubt(rows: Rows, job: Job, effect: Effect, reason: str) -> None:
    """Write a doubt down, with its reason."""
    reason = reason or _NO_ANSWER
    if effect.state is EffectState.INTENDED:
        effect.state, effect.reason = EffectState.IN_DOUBT, reason
    told = {"position": effect.position, "effect_key": str(effect.key), "reason": reason}
    job.note(rows.now(), "in_doubt", told)


def doubt_open(rows: Rows, job: Job, position: int | None, reason: str) -> None:
    """Doubt what open permits may have done: nobody will ask any more."""
    for effect in sorted(rows.effects_of(job, position), key=lambda one: one.position):
        if effect.is_live:
            mark_doubt(rows, job, effect, reason)


def status_of_live(rows: Rows, job: Job, *, started: bool) -> JobStatus:
    """Say what the status of a live job is: it follows from its steps."""
    steps = job.open_steps()
    if any(step.status is StepStatus.IN_DOUBT for step in steps):
        return JobStatus.IN_DOUBT
    if any(step.status is StepStatus.QUARANTINED for step in steps):
        return JobStatus.QUARANTINED
    if not started:
        return JobStatus.QUEUED
    works = any(one.status is StepStatus.CLAIMED or one.due_at <= rows.now() for one in steps)
    return JobStatus.RUNNING if works else JobStatus.WAITING


def only_waits(rows: Rows, job: Job) -> bool:
    """Say whether everything that a job still has to do is waiting."""
    return not any(
        step.status is StepStatus.CLAIMED
        or (step.status is StepStatus.READY and step.due_at <= rows.now())
        for step in job.open_steps()
    )


def wake(rows: Rows, kind: WaitKind, key: str, answer: bytes, *, most: int = 1_000) -> list[Due]:
    """Answer whoever waits for this; returns for which steps to ring."""
    woken = list(rows.waits(kind, key))[:most]
    return [
        due for job, step, waiting in woken for due in answered(rows, job, step, waiting, answer)
    ]


def answered(rows: Rows, job: Job, step: Step, waiting: Waiting, answer: bytes) -> list[Due]:
    waiting.answer = answer
    if step.status in {StepStatus.READY, StepStatus.PAUSED}:
        step.due_at = rows.now()
    return [job.due(step, high=True)] if step.status is StepStatus.READY else []


def _leave_children(rows: Rows, job: Job) -> None:
    for waiting in job.waits.values():
        child = waiting.wait.child and rows.jobs.get((job.tenant_id, waiting.wait.child.job_id))
        if child and not child.has_ended:
            why = "its parent has ended"
            rows.stops.append(Stop(child, JobStatus.CANCELED, None, why, now=True))


def _told_to_parent(job: Job) -> bytes:
    told: dict[str, object] = {
        "status": job.status,
        "spent_micro": job.spent_micro,
        "tokens": job.tokens,
        "degraded": job.degraded,
    }
    if job.output is not None:
        told["output"] = json.loads(job.output)
    elif job.error is not None:
        told["error"] = json.loads(job.error)
    return json.dumps(told).encode("ascii")


def child_key(key: str) -> str:
    """Name a child as the journal does."""
    return f"job_{key.replace('-', '')}"
