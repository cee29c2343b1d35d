"""The types of journal entries: facts in the past tense, numbered per job."""

from enum import StrEnum


class EventType(StrEnum):
    QUEUED = "queued"
    STARTED = "started"
    STEP_COMPLETED = "step.completed"
    STEP_RECOVERED = "step.recovered"
    STEP_ENDED_LATE = "step.ended_late"
    RETRYING = "retrying"
    WAITING = "waiting"
    ANSWERED = "answered"
    RESUMED = "resumed"
    PAUSED = "paused"
    CANCELING = "canceling"
    IN_DOUBT = "in_doubt"
    DOUBT_ENDED = "doubt_ended"
    EVIDENCE_LATE = "effect.evidence_late"
    EFFECT_CONTRADICTED = "effect_contradicted"
    QUARANTINED = "quarantined"
    RELEASED = "released"
    TURN_STUCK = "turn_stuck"
    TURN_SKIPPED = "turn_skipped"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


TERMINAL_EVENTS = frozenset({EventType.SUCCEEDED, EventType.FAILED, EventType.CANCELED})


class Announced(StrEnum):
    """What webhooks tell; SQL announces it in the transaction in which it happens."""

    JOB_SUCCEEDED = "job.succeeded"
    JOB_FAILED = "job.failed"
    JOB_CANCELED = "job.canceled"
    JOB_IN_DOUBT = "job.in_doubt"
    JOB_QUARANTINED = "job.quarantined"
    JOB_PAUSED = "job.paused"  # by its budget
    JOB_WAITING = "job.waiting"  # for the answer of a person
    APPROVAL_REQUESTED = "approval.requested"
    BUDGET_LOW = "budget.low"
    BATCH_COMPLETED = "batch.completed"
    SCHEDULE_SKIPPED = "schedule.skipped"
    SESSION_STUCK = "session.stuck"  # with the turn of a job in doubt or in quarantine
    ENDPOINT_DISABLED = "webhook_endpoint.disabled"
    TEST = "webhook_endpoint.test"


ANNOUNCED_GROUPS = frozenset(f"{kind.partition('.')[0]}.*" for kind in Announced) | {"*"}
