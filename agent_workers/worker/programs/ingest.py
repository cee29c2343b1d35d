"""Takes events in from outside: stored first and acknowledged after the commit, so nothing is lost."""

import threading
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

import structlog

from agent_workers.domain.errors import AgentWorkersError, KeyInFlight, StateUnavailable
from agent_workers.domain.ids import TenantId
from agent_workers.domain.triggers.message import Message
from agent_workers.orchestration.triggers.arriving import Arrived, arrived_of
from agent_workers.orchestration.triggers.intake import Intake

log = structlog.get_logger(__name__)

MOST_TOGETHER = 200
_WITHIN_S = 0.5
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0


class Carried(Protocol):
    """What a source hands over."""

    @property
    def message(self) -> Message: ...


One = TypeVar("One", bound=Carried)


class Source(Protocol[One]):
    """Somewhere that messages come from, again until they are acknowledged; raises what is retryable."""

    def open(self) -> None: ...

    def receive(self, *, most: int, within_s: float) -> list[One]: ...

    def acknowledge(self, deliveries: Sequence[One]) -> None: ...

    def beat(self) -> None: ...

    def close(self) -> None: ...


class Ingest(Generic[One]):
    """One consumer of one source, for one tenant."""

    def __init__(
        self,
        source: Source[One],
        intake: Intake,
        *,
        tenant_id: TenantId,
        stop: threading.Event,
        origin: str,
    ) -> None:
        self._source = source
        self._intake = intake
        self._tenant_id = tenant_id
        self._stop = stop
        self._origin = origin

    def run(self) -> None:
        """Consume until told to stop, over as many connections as it takes."""
        pause = _FIRST_PAUSE_S
        while not self._stop.is_set():
            try:
                self._source.open()
                log.info("ingest_consuming", origin=self._origin)
                while not self._stop.is_set():
                    self._take_turn()
                    pause = _FIRST_PAUSE_S
            except AgentWorkersError as error:
                if not error.retryable:
                    raise
                log.warning("ingest_interrupted", error=str(error))
                self._stop.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            finally:
                self._source.close()

    def _take_turn(self) -> None:
        deliveries = self._source.receive(most=MOST_TOGETHER, within_s=_WITHIN_S)
        if not deliveries:
            return
        arrived = [arrived_of(one.message, origin=self._origin) for one in deliveries]
        if self._stored(arrived):
            self._source.acknowledge(deliveries)

    def _stored(self, arrived: Sequence[Arrived]) -> bool:
        """Store them, however long the database takes; only a stop ends the wait, and then they come again."""
        pause = _FIRST_PAUSE_S
        while True:
            try:
                self._intake.take_each(self._tenant_id, arrived)
            except (StateUnavailable, KeyInFlight) as error:
                log.warning("events_not_stored_yet", messages=len(arrived), error=str(error))
            else:
                return True
            if self._stop.wait(pause):
                return False
            self._source.beat()
            pause = min(2 * pause, _LONGEST_PAUSE_S)
