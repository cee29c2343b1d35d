"""What a person, a deadline or a lost worker does to a job in memory."""

from agent_workers.domain import codec
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.job import JobStatus
from agent_workers.domain.step import StepStatus
from agent_workers.testing.memory import ending
from agent_workers.testing.memory.rows import Job, Rows, Step, Stop

DEADLINE_EXCEEDED = codec.failure("deadline_exceeded", "the job did not end by its deadline")
_BETWEEN = frozenset(
    {StepStatus.READY, StepStatus.CLAIMED, StepStatus.PAUSED, StepStatus.QUARANTINED}
)


class Controls:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def stop(self, tenant_id: TenantId, job_id: JobId, *, reason: str, now: bool) -> JobStatus:
        """Cancel; `now` does not wait for steps that hold no permit."""
        job = self._rows.jobs[tenant_id, job_id]
        return stop_job(self._rows, Stop(job, JobStatus.CANCELED, None, reason, now))

    def pause(self, tenant_id: TenantId, job_id: JobId, *, reason: str) -> JobStatus:
        job = self._rows.jobs[tenant_id, job_id]
        if job.has_ended or job.status is JobStatus.CANCELING or job.pause_requested:
            return job.status
        for step in job.steps:
            if step.status is StepStatus.READY:
                step.status = StepStatus.PAUSED
        job.pause_requested, job.status = True, JobStatus.PAUSED
        job.note(self._rows.now(), "paused", {"reason": reason})
        return job.status

    def resume(self, tenant_id: TenantId, job_id: JobId) -> JobStatus:
        job = self._rows.jobs[tenant_id, job_id]
        if job.has_ended or not job.pause_requested:
            return job.status
        for step in job.steps:
            if step.status is StepStatus.PAUSED:
                step.status = StepStatus.READY
        job.pause_requested = False
        job.status = ending.status_of_live(self._rows, job, started=job.started_at is not None)
        job.note(self._rows.now(), "resumed", {})
        return job.status


class Sweeps:
    """What a keeper does: stops what is due to be stopped, frees what nobody holds any more."""

    def __init__(self, rows: Rows, *, poison_after: int = 3) -> None:
        self._rows = rows
        self._poison_after = poison_after

    def stops(self) -> None:
        """Stop jobs past their deadline, and those whose parent has ended."""
        rows = self._rows
        late = [
            Stop(job, JobStatus.FAILED, DEADLINE_EXCEEDED, "deadline", now=True)
            for job in rows.jobs.values()
            if job.deadline_at is not None and job.deadline_at <= rows.now()
        ]
        due, rows.stops = [*rows.stops, *late], []
        for stop in due:
            stop_job(rows, stop)

    def expired(self) -> None:
        """Free the steps whose lease ran out."""
        now = self._rows.now()
        for job in list(self._rows.jobs.values()):
            for step in job.steps:
                if (
                    step.status is StepStatus.CLAIMED
                    and step.lease_until
                    and step.lease_until < now
                ):
                    self._free(job, step)

    def _free(self, job: Job, step: Step) -> None:
        """Free a step that somebody held, or end the patience with it."""
        rows, why = self._rows, "the lease ran out"
        is_acting = step.told.effect.leaves_no_mark or rows.has_live_permit(job, step.position)
        step.deaths += is_acting
        after = _after_loss(rows, job, step, self._poison_after)
        step.leave(after)
        # The lost attempt is booked in full, so that recorded cost is never below the real one.
        lost = step.hold_micro + step.called_micro
        job.book(held=-lost, spent=lost)
        if after is StepStatus.CANCELED:
            ending.doubt_open(rows, job, step.position, why)
        is_poison = after is StepStatus.QUARANTINED
        others = {JobStatus.QUARANTINED, JobStatus.IN_DOUBT, JobStatus.CANCELING}
        if is_poison and not job.pause_requested and job.status not in others:
            job.status = JobStatus.QUARANTINED
        kind = "quarantined" if is_poison else "step.recovered"
        job.note(rows.now(), kind, {"position": step.position, "reason": why})
        if after is StepStatus.CANCELED and not job.open_steps():
            ending.end_stopped(rows, job)


def stop_job(rows: Rows, stop: Stop) -> JobStatus:
    """Stop a job: at once where nothing is being done, else as soon as that can be known."""
    job = stop.job
    if job.has_ended:
        return job.status
    settling = {step.position for step in job.steps if _settles(rows, job, step, stop)}
    ending.cancel(
        [
            step
            for step in job.open_steps()
            if (step.status is not StepStatus.CLAIMED and step.position not in settling)
            or (
                step.status is StepStatus.CLAIMED
                and stop.now
                and not rows.has_live_permit(job, step.position)
            )
        ]
    )
    job.cancel_reason = job.cancel_reason or stop.reason
    if not job.open_steps():
        ending.end_job(rows, job, stop.status, stop.error, stop.error or {"reason": stop.reason})
        return stop.status
    was, job.status = job.status, JobStatus.CANCELING
    job.pause_requested, job.stop_error = False, job.stop_error or stop.error
    if was is not JobStatus.CANCELING:
        job.note(rows.now(), "canceling", {"reason": stop.reason})
    return job.status


def _settles(rows: Rows, job: Job, step: Step, stop: Stop) -> bool:
    """Let a step find out what became of its attempt, or doubt it; its tries are counted anew."""
    if step.status not in _BETWEEN or not rows.has_live_permit(job, step.position):
        return False
    is_new = job.status is not JobStatus.CANCELING
    if step.status is StepStatus.CLAIMED:
        step.tries = 0 if is_new else step.tries
        return False
    if step.status is StepStatus.QUARANTINED or not rows.settles(job, step):
        ending.doubt_open(rows, job, step.position, stop.reason)
        return False
    step.status, step.due_at = StepStatus.READY, min(step.due_at, rows.now())
    step.tries = 0 if is_new else step.tries
    return True


def _after_loss(rows: Rows, job: Job, step: Step, poison_after: int) -> StepStatus:
    is_poison = step.deaths >= poison_after
    if job.status is JobStatus.CANCELING:
        may_settle = not is_poison and rows.settles(job, step)
        return StepStatus.READY if may_settle else StepStatus.CANCELED
    if is_poison:
        return StepStatus.QUARANTINED
    return StepStatus.PAUSED if job.pause_requested else StepStatus.READY
