"""Parking in memory: a step waits, without a worker, until it is answered or its time is over."""

from agent_workers.domain import codec
from agent_workers.domain.claim import Claimed, Recorded, RecordResult
from agent_workers.domain.decision import Park
from agent_workers.domain.ids import TenantId
from agent_workers.domain.job import JobStatus, Submission
from agent_workers.domain.step import StepStatus
from agent_workers.domain.text.encoding import canonical
from agent_workers.domain.trouble import error_text
from agent_workers.domain.wait import Child, Wait, Waited, WaitKind
from agent_workers.testing.memory import ending, money
from agent_workers.testing.memory.rows import FOR_EVER, Job, Rows, Step, Waiting
from agent_workers.testing.memory.submitting import submit

# Who is woken at one of these looks again, and may wait again.
_ASKED_AGAIN = frozenset({WaitKind.BREAKER, WaitKind.PLACE, WaitKind.WORKER})
_BY_RECOVERY = frozenset({WaitKind.BREAKER, WaitKind.WORKER})


class Waits:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def of(self, claimed: Claimed) -> Waited | None:
        """Read what a step waited for; None when it has not waited yet."""
        found = self._rows.job_of(claimed).waits.get(claimed.position)
        if found is None:
            return None
        return Waited(
            kind=found.wait.kind,
            key=found.wait.key,
            answer=found.answer,
            timed_out=found.expires_at is not None and found.expires_at <= self._rows.now(),
            held_micro=found.held_micro,
        )


def park(rows: Rows, job: Job, step: Step, claimed: Claimed, decision: Park) -> Recorded:
    """Let a step wait, unless what it waits for is there already."""
    if job.status is JobStatus.CANCELING or job.pause_requested:
        job.book(spent=decision.cost_micro)
        ending.stand_down(rows, job, step)
        return Recorded(result=RecordResult.RECORDED)
    wait, now = decision.wait, rows.now()
    waiting = _waiting(rows, job, step, claimed, decision)
    job.waits[step.position] = waiting
    step.leave(StepStatus.READY)
    step.due_at = now if waiting.is_answered else waiting.expires_at or now + FOR_EVER
    step.hold_micro = 0 if decision.keeps_hold else step.hold_micro
    if (after := decision.after) is not None:
        step.error = error_text(after.code, after.message, after.trouble)
    # What this step had held before, its wait holds now.
    job.book(held=waiting.held_micro - claimed.hold_micro, spent=decision.cost_micro)
    is_idle = not waiting.is_answered and ending.only_waits(rows, job)
    if job.status is JobStatus.RUNNING and is_idle:
        job.status = JobStatus.WAITING
    told = {
        "stage": "execute",
        "component": "recovery" if wait.kind in _BY_RECOVERY else "tool_router",
        "position": step.position,
        "for": wait.kind,
        "key": ending.child_key(wait.key) if wait.kind is WaitKind.CHILD else wait.key,
        "until": waiting.expires_at and waiting.expires_at.isoformat(),
    }
    job.note(now, "waiting", told, len(wait.prompt))
    return Recorded(
        result=RecordResult.RECORDED, status=job.status, open_steps=len(job.open_steps())
    )


def _waiting(rows: Rows, job: Job, step: Step, claimed: Claimed, decision: Park) -> Waiting:
    wait, before = decision.wait, job.waits.get(step.position)
    now = rows.now()
    waiting = Waiting(
        wait=wait,
        since=before.since if before else now,
        expires_at=None if wait.timeout is None else now + wait.timeout,
        held_micro=claimed.hold_micro if decision.keeps_hold else 0,
    )
    is_same = before is not None and before.wait.kind is wait.kind
    if wait.kind is WaitKind.CHILD:
        waiting.expires_at = None
        if is_same and before is not None:  # it was started before, once and for all
            waiting.answer, waiting.held_micro = before.answer, before.held_micro
        else:
            _start(rows, job, wait, waiting)
    elif is_same and before is not None and before.is_answered and wait.kind not in _ASKED_AGAIN:
        waiting.answer = before.answer
    elif wait.kind is WaitKind.EVENT:
        kept = (one for one in job.mail if one.name == wait.key and one.taken_by is None)
        if (message := next(kept, None)) is not None:
            message.taken_by, waiting.answer = step.position, message.data
    return waiting


def _start(rows: Rows, job: Job, wait: Wait, waiting: Waiting) -> None:
    """Start the job that a step waits for; its parent holds what it may spend until it has ended."""
    child = wait.child
    assert child is not None
    asked = child.max_cost_micro
    allowance = money.carved(rows, job, asked, child.reserve_micro)
    is_spent = allowance is not None and allowance < 1
    if not is_spent and job.draws and allowance is not None:
        is_spent = not money.pay_for(rows, job, allowance)
    if is_spent:
        left = _dollars(max(0, job.left_micro))
        rest = "too little to share" if asked is None else f"and ${_dollars(asked)} was asked for"
        waiting.answer = _refusal("budget", f"the job has ${left} left, {rest}")
        return
    given = asked if allowance is None else allowance
    waiting.answer = _objection(rows, child, given)
    if waiting.answer is None:
        _submit_child(rows, job, wait, given or 0)
        waiting.held_micro = allowance or 0


def _objection(rows: Rows, child: Child, given: int | None) -> bytes | None:
    pace = rows.agents.get(child.agent)
    if pace is None:
        return _refusal("unknown_agent", f"no worker has registered an agent '{child.agent}'")
    if given is not None and given < pace.plan_hold_micro:
        needs, gets = _dollars(pace.plan_hold_micro), _dollars(given)
        message = f"a plan of '{child.agent}' may cost ${needs}, and the job would get ${gets}"
        return _refusal("budget", message)
    return None


def _submit_child(rows: Rows, job: Job, wait: Wait, allowance: int) -> None:
    child, parent = wait.child, job.submission
    assert child is not None
    limits = [wait.timeout, job.deadline_at - rows.now() if job.deadline_at else None]
    submission = Submission(
        tenant_id=TenantId(job.tenant_id),
        job_id=child.job_id,
        parent_id=job.job_id,
        agent=child.agent,
        input=child.input,
        metadata=parent.metadata,
        priority=parent.priority,
        max_steps=child.max_steps or parent.max_steps,
        max_cost_micro=allowance,
        deadline=min((limit for limit in limits if limit is not None), default=None),
        depth=parent.depth + 1,
        user_id=parent.user_id,
    )
    submit(rows, submission, rows.agents[child.agent])


def _refusal(code: str, message: str) -> bytes:
    error = {"code": code, "message": codec.plain(message)}
    return canonical({"status": "refused", "error": error})


def _dollars(micro: int) -> str:
    """Write micro-USD as dollars, without needless zeros."""
    return f"{micro / 1_000_000:.6f}".rstrip("0").rstrip(".")
