"""Events for jobs: what is sent, and what became of it."""

from dataclasses import dataclass
from enum import StrEnum

from agent_workers.domain.claim import Due
from agent_workers.domain.errors import AgentWorkersError, IllegalMove
from agent_workers.domain.ids import JobId, TenantId


class JobHasEnded(IllegalMove):
    """An ended job takes no event and no answer."""


class NoSuchQuestion(AgentWorkersError):
    code = "question_not_found"


class NotAChoice(AgentWorkersError):
    """An answer is none of the question's choices; `key` says which question."""

    code = "invalid_request"

    def __init__(self, message: str, *, key: str) -> None:
        super().__init__(message)
        self.key = key


class AnsweredOtherwise(AgentWorkersError):
    code = "already_answered"


class QuestionClosed(AgentWorkersError):
    """The time to answer is over."""

    code = "question_closed"


class Taken(StrEnum):
    SENT = "sent"
    REPLAYED = "replayed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """An event for a job; who sends it says it once, however often it is sent."""

    tenant_id: TenantId
    job_id: JobId
    sender: str
    name: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of a letter; `taken`: a step had waited for it."""

    how: Taken
    number: int
    taken: bool
    due: tuple[Due, ...] = ()
