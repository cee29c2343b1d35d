"""Submitting in memory: a job with its first step and journal entry, once under its key."""

from datetime import timedelta

from agent_workers.domain.errors import KeyReused
from agent_workers.domain.ids import JobId
from agent_workers.domain.job import KEY_KEPT_FOR, Submission
from agent_workers.domain.step import Lane, NextStep, StepKind
from agent_workers.testing.memory import money
from agent_workers.testing.memory.rows import Job, Kept, Pace, Rows, Step


def submit_once(
    rows: Rows, submission: Submission, pace: Pace, *, key: str | None, fingerprint: bytes
) -> JobId:
    """Store one job, and its key with it; or say which job the key stands for already."""
    place = (submission.tenant_id, key or "")
    kept = rows.keys.get(place)
    if key is not None and kept is not None and kept.expires_at > rows.now():
        if kept.fingerprint != fingerprint:
            raise KeyReused(f"key {key!r} was sent before with a different request")
        return kept.job_id
    submit(rows, submission, pace)
    if key is not None:
        rows.keys[place] = Kept(
            fingerprint=fingerprint,
            job_id=submission.job_id,
            expires_at=rows.now() + KEY_KEPT_FOR,
        )
    return submission.job_id


def submit(rows: Rows, submission: Submission, pace: Pace) -> None:
    """Store a job; of a child nothing is reserved, because its parent has done that."""
    now, is_child = rows.now(), submission.depth > 0
    allowance = submission.max_cost_micro
    draws = not is_child and allowance == 0 and bool(rows.budgets.get(submission.tenant_id))
    if draws:
        money.check(rows, submission.tenant_id, pace.plan_hold_micro)
    due = max(now, submission.run_at or now) + (submission.delay or timedelta(0))
    due_at = due if due > now else due - timedelta(minutes=submission.priority)
    told = NextStep(kind=StepKind.PLAN, lane=Lane.PLAN, round=0, timeout_ms=pace.plan_timeout_ms)
    first = Step(position=0, told=told, due_at=due_at, hold_micro=pace.plan_hold_micro)
    job = Job(
        submission=submission,
        version=pace.version,
        allowance_micro=allowance,
        draws=draws,
        steps=[first],
        deadline_at=None if submission.deadline is None else now + submission.deadline,
    )
    if allowance > 0 and not is_child:
        money.reserve(rows, job, allowance)
    rows.jobs[job.tenant_id, job.job_id] = job
    entry = {"stage": "admit", "component": "cost", "agent": submission.agent}
    job.note(now, "queued", entry | {"cost": {"allowance_micro": allowance}}, 1024)
