"""Takes events from outside, in a process of its own: `agent-workers ingest --queue orders`."""

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

import structlog

from agent_workers.domain.claim import Due
from agent_workers.domain.errors import AgentWorkersError, KeyInFlight, StateUnavailable
from agent_workers.domain.ids import TenantId
from agent_workers.domain.triggers.message import Message
from agent_workers.observability.logs import set_up_logs
from agent_workers.observability.programs import run_program
from agent_workers.orchestration.triggers.arriving import Arrived, arrived_of
from agent_workers.orchestration.triggers.intake import Intake
from agent_workers.settings import Settings, load_settings
from agent_workers.state.awaiting import await_database
from agent_workers.state.catalogue.agents import Agents
from agent_workers.state.database.engine import Database
from agent_workers.state.database.schema import migration_order
from agent_workers.state.triggers.intake import Intakes
from agent_workers.state.triggers.rows import Triggers
from agent_workers.transport.bus.ingest import Delivery, KombuSource, Place
from agent_workers.transport.bus.ingest_stream import Entry, StreamSource
from agent_workers.transport.diagnosis import say_if_away
from agent_workers.transport.doorbells.nudge import Nudge
from agent_workers.transport.doorbells.ring import ring_of

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Read settings and options, and consume until told to stop."""
    asked = _parser().parse_args(arguments)
    return run_program("ingest", lambda: _consume(load_settings(), asked))


def _consume(settings: Settings, asked: argparse.Namespace) -> None:
    settings.demand("database_url", "broker_url", "ingest_url")
    set_up_logs(**settings.logs)
    await_database(
        settings.database_url, patience_s=settings.start_wait_s, schema=migration_order()
    )
    say_if_away(settings.broker_url)
    database = Database(settings.database_url, pool_size=2, name="agent_workers ingest")
    nudge = Nudge(settings.broker_url)

    def ring(due: Sequence[Due], *, parent: str | None) -> None:
        nudge.ring([ring_of(one, parent) for one in due])

    intake = Intake(
        Intakes(database),
        rules=Triggers(database),
        paces=Agents(database).known,
        ring=ring,
    )
    try:
        _ingest(settings.ingest_url, asked, intake).run()
    finally:
        nudge.close()
        database.close()


def _ingest(
    url: str, asked: argparse.Namespace, intake: Intake
) -> Ingest[Delivery] | Ingest[Entry]:
    tenant_id, stop = TenantId(asked.tenant), _told_to_stop()
    if asked.stream:
        stream = StreamSource(url, stream=asked.stream, group=asked.group)
        origin = f"ingest {asked.stream}"
        return Ingest(stream, intake, tenant_id=tenant_id, stop=stop, origin=origin)
    queue, origin = _queue(url, asked), f"ingest {asked.queue}"
    return Ingest(queue, intake, tenant_id=tenant_id, stop=stop, origin=origin)


def _queue(url: str, asked: argparse.Namespace) -> KombuSource:
    place = Place(
        queue=asked.queue,
        exchange=asked.exchange,
        exchange_type=asked.exchange_type,
        routing_key=asked.routing_key,
    )
    return KombuSource(url, place, prefetch=MOST_TOGETHER)


def _told_to_stop() -> threading.Event:
    stop = threading.Event()
    for told in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told, lambda *_: stop.set())
    return stop


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="agent-workers ingest", description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--queue", default="")
    source.add_argument("--stream", default="")
    parser.add_argument("--group", default="agent-workers")
    parser.add_argument("--exchange", default="")
    parser.add_argument("--exchange-type", default="topic")
    parser.add_argument("--routing-key", default="#")
    parser.add_argument("--tenant", default="default")
    return parser


if __name__ == "__main__":
    sys.exit(main())
