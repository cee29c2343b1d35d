"""Mail in memory: events for jobs by name, and what people answer to their questions."""

import json
from collections.abc import Iterator, Mapping
from typing import Final

from agent_workers.domain.claim import Due
from agent_workers.domain.errors import JobNotFound, KeyReused, QuotaReached
from agent_workers.domain.ids import JobId, TenantId, to_wire
from agent_workers.domain.job import JobStatus
from agent_workers.domain.mail import (
    AnsweredOtherwise,
    JobHasEnded,
    Letter,
    NoSuchQuestion,
    NotAChoice,
    QuestionClosed,
    Sent,
    Taken,
)
from agent_workers.domain.step import StepStatus
from agent_workers.domain.wait import WaitKind
from agent_workers.testing.memory import ending
from agent_workers.testing.memory.rows import Job, Message, Rows, Step, Waiting

_PARKED: Final = frozenset({StepStatus.READY, StepStatus.PAUSED})
_MOST_WAITING: Final = 1_000


class Mail:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def send(self, letter: Letter) -> Sent:
        """Hand an event over to whoever waits for it, or keep it until somebody does."""
        job = self._rows.jobs.get((letter.tenant_id, letter.job_id))
        if job is None:
            raise JobNotFound(f"there is no job {to_wire(letter.job_id)}")
        for known in job.mail:
            if known.sender == letter.sender:
                return _again(known, letter)
        if job.has_ended:
            raise JobHasEnded("the job has ended and takes no more events")
        found = next(_waiting(job, WaitKind.EVENT, letter.name), None)
        untaken = sum(one.taken_by is None for one in job.mail)
        if found is None and untaken >= _MOST_WAITING:
            raise QuotaReached("1,000 events, or 16 MiB of them, are already waiting for this job")
        message = Message(
            name=letter.name, data=letter.data, sender=letter.sender, number=len(job.mail) + 1
        )
        job.mail.append(message)
        due: list[Due] = []
        if found is not None:
            message.taken_by = found[0].position
            due = ending.answered(self._rows, job, found[0], found[1], letter.data)
        taken = found is not None
        return Sent(how=Taken.SENT, number=message.number, taken=taken, due=tuple(due))

    def answer(
        self, tenant_id: TenantId, job_id: JobId, answers: Mapping[str, bytes], *, by: str
    ) -> list[Due]:
        """Answer questions of a job, all or none; returns for which steps to ring."""
        job = self._rows.jobs.get((tenant_id, job_id))
        if job is None:
            raise JobNotFound(f"there is no job {to_wire(job_id)}")
        asked = [(key, *_question(job, key), value) for key, value in answers.items()]
        open_ones = [one for one in asked if self._is_open(job, *one)]
        due: list[Due] = []
        for key, step, waiting, value in open_ones:
            due += ending.answered(self._rows, job, step, waiting, value)
            if job.status is JobStatus.WAITING:
                job.status = JobStatus.RUNNING
            told = {"position": step.position, "key": key, "by": by}
            job.note(self._rows.now(), "answered", told)
        return due

    def _is_open(self, job: Job, key: str, step: Step, waiting: Waiting, value: bytes) -> bool:
        """Say whether this answers the question; false where it was answered so before."""
        if waiting.answer == value:
            return False
        if waiting.answer is not None:
            raise AnsweredOtherwise(f"question '{key}' already has another answer")
        if job.has_ended:
            raise JobHasEnded(f"the job is {job.status} and no longer waits for an answer")
        until = waiting.expires_at
        if step.status not in _PARKED or (until is not None and until <= self._rows.now()):
            closed = f"{until:%Y-%m-%dT%H:%M:%SZ}" if until else "now"
            raise QuestionClosed(f"question '{key}' was open until {closed}")
        choices = json.loads(waiting.wait.prompt).get("choices") or []
        if choices and json.loads(value) not in choices:
            raise NotAChoice(f"the answer to '{key}' must be one of {json.dumps(choices)}", key=key)
        return True


def _again(known: Message, letter: Letter) -> Sent:
    if (known.name, known.data) != (letter.name, letter.data):
        raise KeyReused(f"{letter.sender} has already sent this job a different event")
    return Sent(how=Taken.REPLAYED, number=known.number, taken=known.taken_by is not None)


def _question(job: Job, key: str) -> tuple[Step, Waiting]:
    for position in sorted(job.waits, reverse=True):
        waiting = job.waits[position]
        if (waiting.wait.kind, waiting.wait.key) == (WaitKind.PERSON, key):
            return job.steps[position], waiting
    raise NoSuchQuestion(f"there is no question '{key}'")


def _waiting(job: Job, kind: WaitKind, key: str) -> Iterator[tuple[Step, Waiting]]:
    for position in sorted(job.waits):
        step, waiting = job.steps[position], job.waits[position]
        is_it = (waiting.wait.kind, waiting.wait.key) == (kind, key) and not waiting.is_answered
        if is_it and step.status in _PARKED:
            yield step, waiting
