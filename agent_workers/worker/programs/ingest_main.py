"""Starts a consumer of outside events: `agent-workers ingest --queue orders`."""

import argparse
import signal
import sys
import threading
from collections.abc import Sequence

from agent_workers.domain.claim import Due
from agent_workers.domain.ids import TenantId
from agent_workers.observability.logs import set_up_logs
from agent_workers.observability.programs import run_program
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
from agent_workers.worker.programs.ingest import MOST_TOGETHER, Ingest


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
