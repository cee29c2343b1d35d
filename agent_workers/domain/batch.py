"""A batch: many jobs asked for together, a few of them live at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from agent_workers.domain.errors import AgentWorkersError

MOST_ITEMS = 100_000
MOST_LIVE = 1_000


class BatchStatus(StrEnum):
    OPEN = "open"  # takes items; nothing runs yet
    RUNNING = "running"
    STOPPING = "stopping"
    COMPLETED = "completed"  # every item has ended, well or not
    FAILED = "failed"  # on_error was stop, and an item failed
    CANCELED = "canceled"
    EXPIRED = "expired"


class ItemStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class OnError(StrEnum):
    CONTINUE = "continue"
    STOP = "stop"


ENDED = frozenset(
    {BatchStatus.COMPLETED, BatchStatus.FAILED, BatchStatus.CANCELED, BatchStatus.EXPIRED}
)


class BatchNotFound(AgentWorkersError):
    code = "batch_not_found"


class BatchNotOpen(AgentWorkersError):
    """Items come too late: the batch has been started or stopped."""

    code = "batch_not_open"


class TooManyItems(AgentWorkersError):
    code = "too_many_items"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchItem:
    """What one job of a batch shall be; options are JSON in the words of `admit_items`."""

    custom_id: str
    agent: str
    input: bytes
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchTerms:
    """How a batch runs; the template is what its later lines leave out."""

    concurrency: int = 100
    on_error: OnError = OnError.CONTINUE
    deadline: timedelta | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    template: Mapping[str, object] = field(default_factory=dict)

    def spec(self) -> dict[str, object]:
        """Return the terms as SQL's create_batch and open_batch take them."""
        deadline = self.deadline
        return {
            "concurrency": self.concurrency,
            "on_error": self.on_error.value,
            "deadline_ms": None
            if deadline is None
            else round(deadline / timedelta(milliseconds=1)),
            "metadata": dict(self.metadata),
            "template": dict(self.template),
        }
