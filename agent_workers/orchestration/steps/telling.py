"""Says in the log that a job has ended, and how: once, by the worker that recorded it."""

import time

import structlog

from agent_workers.domain.claim import Claimed, Recorded, RecordResult
from agent_workers.domain.decision import Decision, Fail
from agent_workers.domain.ids import made_at_s, to_wire
from agent_workers.domain.job import TERMINAL, JobStatus

log = structlog.get_logger(__name__)


def say_end(claimed: Claimed, decision: Decision, recorded: Recorded) -> None:
    """Say it if this record ended the job."""
    if recorded.result is not RecordResult.RECORDED or recorded.status not in TERMINAL:
        return
    more: dict[str, object] = {}
    if recorded.status == JobStatus.FAILED:
        decided = decision.code if isinstance(decision, Fail) else ""
        more["code"] = recorded.code or decided
    if (made_s := made_at_s(claimed.job_id)) is not None:
        more["seconds"] = round(max(0.0, time.time() - made_s), 3)
    log.info(
        "job_ended",
        job_id=to_wire(claimed.job_id),
        status=recorded.status,
        agent=claimed.agent,
        tenant_id=claimed.tenant_id,
        **more,
    )
