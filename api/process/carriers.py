"""Tells workers and watchers after a commit; never waits, never fails."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent_workers.domain.claim import Due
from agent_workers.domain.ids import JobId
from agent_workers.transport.doorbells.nudge import Nudge
from agent_workers.transport.doorbells.ring import ring_of
from agent_workers.transport.shared.wake import Wakeups


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriers:
    nudge: Nudge
    wakeups: Wakeups

    def ring(self, due: Sequence[Due], *, parent: str | None) -> None:
        self.nudge.ring([ring_of(one, parent) for one in due])

    def tell(self, job_id: JobId) -> None:
        self.wakeups.publish([job_id.hex])

    def close(self) -> None:
        self.nudge.close()
        self.wakeups.close()
