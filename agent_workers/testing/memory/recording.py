"""Recording in memory: prove the fence, write the outcome once, ready what follows."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from agent_workers.domain import codec
from agent_workers.domain.claim import HALT, Claimed, NothingDue, Onward, Recorded, RecordResult
from agent_workers.domain.decision import Continue, Decision, Fail, Finish, Join, Park, TryAgain
from agent_workers.domain.entries import entry_of, entry_of_retry
from agent_workers.domain.errors import QuotaReached, StateUnavailable
from agent_workers.domain.job import MOST_BYTES_OF_A_JOB, TERMINAL, JobStatus
from agent_workers.domain.step import Broke, NextStep, Planned, StepStatus
from agent_workers.domain.text.encoding import canonical
from agent_workers.domain.tools.tool import Statement
from agent_workers.domain.trouble import error_text
from agent_workers.orchestration.store import Open
from agent_workers.testing.memory import ending, money
from agent_workers.testing.memory.claiming import Claims
from agent_workers.testing.memory.parking import park
from agent_workers.testing.memory.rows import Job, Rows, Step

_JOB_ENDED = "The job ended while an attempt had no answer; nobody knows whether it took effect"
_LONG_WAIT = timedelta(seconds=5)
_MOST_TRIES, _MOST_DEGRADED = 32_767, 100
_ENDS = {"succeed": JobStatus.SUCCEEDED, "fail": JobStatus.FAILED}


@dataclass(slots=True)
class _Following:
    """How a job goes on, as it was decided, and as the store lets it."""

    how: str
    final: bytes | None
    steps: tuple[NextStep, ...]
    code: str = ""

    def fail(self, code: str, message: str) -> None:
        self.how, self.steps, self.code = "fail", (), code
        self.final = codec.failure(code, message)


class Records:
    """Records of one worker; `execute` runs the statements of transactional tools."""

    def __init__(
        self,
        rows: Rows,
        *,
        execute: Callable[[Sequence[Statement]], object] = lambda _: None,
        most_bytes: int = MOST_BYTES_OF_A_JOB,
    ) -> None:
        self._rows = rows
        self._execute = execute
        self._most_bytes = most_bytes

    def record(
        self,
        claimed: Claimed,
        decision: Decision,
        *,
        written: bytes,
        onward: Onward = HALT,
        connection: Open | None = None,
    ) -> Recorded:
        """Write what a step gave and what follows."""
        del connection
        job, step = self._rows.job_of(claimed), self._rows.held(claimed)
        if step is None:
            result = RecordResult.ENDED if job.has_ended else RecordResult.FENCED
            return Recorded(result=result, status=job.status)
        if isinstance(decision, TryAgain):
            return self._retry(job, step, claimed, decision)
        if isinstance(decision, Park):
            return park(self._rows, job, step, claimed, decision)
        recorded = self._record(job, step, claimed, decision, written, carry=onward.carry)
        if not onward.lanes or recorded.carried:
            return recorded
        return replace(recorded, claimed=Claims(self._rows).next(onward.lanes) or NothingDue())

    def record_with(
        self,
        claimed: Claimed,
        decision: Decision,
        statements: Sequence[Statement],
        *,
        written: bytes,
        onward: Onward,
    ) -> Recorded | Broke | str:
        """Record a transactional tool together with its statements; a refusal is said in words."""
        if self._rows.held(claimed) is not None:
            try:
                self._execute(statements)
            except StateUnavailable as error:
                return Broke(code="statement_failed", message=str(error), retryable=True)
            except QuotaReached as error:
                return str(error)
            except Exception as error:  # noqa: BLE001  # whatever the test's own store refuses with
                return str(error)
        return self.record(claimed, decision, written=written, onward=replace(onward, lanes=()))

    def stand_down(self, claimed: Claimed) -> str:
        """Give a claimed step back undone; what becomes of it is the job's status to say."""
        step = self._rows.held(claimed)
        if step is None:
            return "fenced"
        return ending.stand_down(self._rows, self._rows.job_of(claimed), step)

    def _record(
        self,
        job: Job,
        step: Step,
        claimed: Claimed,
        decision: Continue | Join | Finish | Fail,
        written: bytes,
        *,
        carry: bool,
    ) -> Recorded:
        rows, cost, was_open = self._rows, decision.outcome.usage.cost_micro, len(job.open_steps())
        entry, error = entry_of(claimed, decision.outcome), codec.error_of(decision.outcome)
        following = _Following(*codec.what_follows(decision))
        size = _size(step, following, written, entry, error)
        self._bound(job, following, size, was_open)
        step.leave(StepStatus.DONE)
        step.outcome_type, step.outcome = codec.TYPES[type(decision.outcome)], written
        step.error = error or step.error
        job.book(held=-step.called_micro)
        if job.status is not JobStatus.CANCELING and following.how in _ENDS and was_open > 1:
            ending.doubt_open(rows, job, None, _JOB_ENDED)
        first = len(job.steps) if following.steps else None
        carried, held = self._follow(job, claimed, following, cost, carry=carry)
        job.book(held=-claimed.hold_micro, spent=cost)
        job.book(held=held)
        _remember(job, decision)
        status = self._status(job, following)
        job.note(rows.now(), "step.completed", entry, size - len(entry))
        open_now = len(job.open_steps())
        if status in TERMINAL:
            self._end(job, status, following)
        job.status = status
        return Recorded(
            result=RecordResult.RECORDED,
            status=status,
            open_steps=open_now,
            first_position=first,
            carried=carried,
            code=json.loads(job.stop_error)["code"] if job.stop_error else following.code,
        )

    def _bound(self, job: Job, following: _Following, size: int, was_open: int) -> None:
        """Hold what follows to what the job is being done with, and to how much it may keep."""
        if job.status is JobStatus.CANCELING or (following.how == "join" and was_open > 1):
            following.steps = ()
        most, count = job.submission.max_steps, len(following.steps)
        if following.how == "next" and count and len(job.steps) + count > most:
            steps = "1 step" if most == 1 else f"{most} steps"
            following.fail("too_many_steps", f"the job reached its limit of {steps}")
        goes_on = following.how == "next" or (following.how == "join" and was_open == 1)
        if job.size + size > self._most_bytes and goes_on:
            message = f"the job stores more than its limit of {self._most_bytes >> 20} MiB"
            following.fail("too_many_bytes", message)

    def _follow(
        self, job: Job, claimed: Claimed, following: _Following, cost: int, *, carry: bool
    ) -> tuple[int, int]:
        """Ready what follows; returns which of it the worker holds already, and for how much."""
        now, carried, held = self._rows.now(), 0, 0
        # What the step held and what it cost are booked only after this.
        booked = _booked(job, held=-claimed.hold_micro, spent=cost)
        for number, told in enumerate(following.steps, start=1):
            step = Step(position=len(job.steps), told=told, due_at=now, hold_micro=told.hold_micro)
            if job.pause_requested:
                step.status = StepStatus.PAUSED
            elif carry and not carried and money.can_carry(self._rows, booked, told.hold_micro):
                step.take(now)
                carried, held = number, told.hold_micro
            job.steps.append(step)
        return carried, held

    def _status(self, job: Job, following: _Following) -> JobStatus:
        is_over = not job.open_steps()
        if job.status is JobStatus.CANCELING:
            if not is_over:
                return JobStatus.CANCELING
            return JobStatus.CANCELED if job.stop_error is None else JobStatus.FAILED
        if following.how in _ENDS:
            return _ENDS[following.how]
        waits = following.how == "join" and not following.steps and bool(job.waits)
        if waits and job.status is JobStatus.RUNNING and ending.only_waits(self._rows, job):
            return JobStatus.WAITING
        return job.status

    def _end(self, job: Job, status: JobStatus, following: _Following) -> None:
        if status is JobStatus.SUCCEEDED:
            job.output = following.final
        error = following.final if status is JobStatus.FAILED else None
        if job.status is JobStatus.CANCELING:
            error = job.stop_error
        data = error if status is JobStatus.FAILED else b"{}"
        if status is JobStatus.CANCELED:
            data = canonical({"reason": job.cancel_reason})
        ending.end_job(self._rows, job, status, error, data or b"{}")

    def _retry(self, job: Job, step: Step, claimed: Claimed, decision: TryAgain) -> Recorded:
        rows = self._rows
        settles = job.status is not JobStatus.CANCELING or rows.settles(job, step)
        if job.pause_requested or not settles:
            job.book(spent=decision.cost_micro)
            # As Postgres has it: what becomes of the step is said, and nothing was recorded.
            ending.stand_down(rows, job, step)
            return Recorded(result=RecordResult.RECORDED)
        step.leave(StepStatus.READY)
        step.due_at = rows.now() + decision.delay
        step.tries = min(step.tries + decision.counts, _MOST_TRIES)
        if not decision.waits:
            step.error = error_text(decision.code, decision.message, decision.trouble)
        # What the step's wait holds it holds on: another attempt finds the same answer.
        held = step.called_micro + min(claimed.hold_micro, step.hold_micro)
        job.book(held=-held, spent=decision.cost_micro)
        is_alone = len(job.open_steps()) == 1 and decision.delay >= _LONG_WAIT
        if job.status is JobStatus.RUNNING and is_alone:
            job.status = JobStatus.WAITING
        kind = "retrying" if decision.counts else "waiting"
        job.note(rows.now(), kind, entry_of_retry(claimed, decision))
        return Recorded(
            result=RecordResult.RECORDED, status=job.status, open_steps=len(job.open_steps())
        )


def _size(
    step: Step, following: _Following, written: bytes, entry: bytes, error: bytes | None
) -> int:
    """About as much as the rows of a step take, what it gave, and what follows."""
    parts = (written, entry, following.final, error, codec.encode_steps(following.steps))
    # Of an effect the request, the evidence and the result are kept besides.
    more = 0 if step.told.effect.leaves_no_mark else len(step.told.arguments) + 2 * len(written)
    return 512 + sum(len(part) for part in parts if part) + more


def _booked(job: Job, *, held: int, spent: int) -> Job:
    """Return the job as it will be once this is booked."""
    booked = replace(job)
    booked.book(held=held, spent=spent)
    return booked


def _remember(job: Job, decision: Continue | Join | Finish | Fail) -> None:
    outcome, usage = decision.outcome, decision.outcome.usage
    read, cached, wrote = job.tokens
    job.tokens = (read + usage.input, cached + usage.cached, wrote + usage.output)
    if not isinstance(decision, Join) and decision.course is not None:
        job.course = decision.course
    if isinstance(outcome, Planned) and outcome.workflow:
        job.workflow = outcome.workflow
    degraded = codec.plain(getattr(outcome, "degraded", ""))
    # Said once: a model that is down for days is the same news in each round.
    if degraded and degraded not in job.degraded:
        job.degraded = [*job.degraded[-_MOST_DEGRADED + 1 :], degraded]
