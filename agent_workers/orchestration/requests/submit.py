"""Submitting: store first, ring afterwards, so that a doorbell never precedes its row."""

from collections.abc import Sequence
from datetime import datetime

from agent_workers.domain.claim import Due
from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.ids import TenantId
from agent_workers.domain.job import Submission
from agent_workers.domain.step import Lane, StepKind
from agent_workers.orchestration.ports import Ring
from agent_workers.state.jobs.submissions import Accepted, Admission, Asked, Submissions


class Submit:
    def __init__(self, submissions: Submissions, *, ring: Ring) -> None:
        self._submissions = submissions
        self._ring = ring

    def many(self, asked: Sequence[Asked]) -> list[datetime | AgentWorkersError]:
        """Store jobs that arrived together; each answer is when it was stored, or why it was not."""
        answers = self._submissions.many(asked)
        stored = zip(asked, answers, strict=True)
        due = [_due(one[0]) for one, answer in stored if isinstance(answer, datetime) if _now(one)]
        if due:
            self._ring(due, parent=None)
        return answers

    def once(self, asked: Asked, *, key: str | None, fingerprint: bytes) -> Admission:
        """Store one job under its idempotency key, or find the job that the key stands for."""
        admission = self._submissions.once(asked, key=key, fingerprint=fingerprint)
        if admission.how is Accepted.CREATED and _now(asked):
            self._ring([_due(asked[0])], parent=None)
        return admission

    def knows(self, tenant_id: TenantId, key: str) -> bool:
        """Say whether a job was stored under this idempotency key, and is still found by it."""
        return self._submissions.knows(tenant_id, key)


def _now(asked: Asked) -> bool:
    """A job for later is rung by the sweeper when it is due."""
    return asked[0].run_at is None and asked[0].delay is None


def _due(submission: Submission) -> Due:
    return Due(
        tenant_id=submission.tenant_id,
        job_id=submission.job_id,
        position=0,
        kind=StepKind.PLAN,
        lane=Lane.PLAN,
    )
