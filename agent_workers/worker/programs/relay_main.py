"""Starts a relay: `agent-workers relay --exchange agent-workers`."""

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from uuid import uuid4

import structlog

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.observability.logs import set_up_logs
from agent_workers.observability.programs import run_program
from agent_workers.settings import Settings, load_settings
from agent_workers.state.awaiting import await_database
from agent_workers.state.database.engine import Database
from agent_workers.state.database.schema import migration_order
from agent_workers.state.jobs.relays import Relays
from agent_workers.transport.bus.ingest import Place
from agent_workers.transport.bus.relay import KombuExchange
from agent_workers.worker.programs.relay import Relay

log = structlog.get_logger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read settings and options, and tell the journal until told to stop."""
    asked = _parser().parse_args(arguments)
    return run_program("relay", lambda: _relay(load_settings(), asked))


def _relay(settings: Settings, asked: argparse.Namespace) -> None:
    settings.demand("database_url", "relay_url")
    set_up_logs(**settings.logs)
    await_database(
        settings.database_url, patience_s=settings.start_wait_s, schema=migration_order()
    )
    database = Database(settings.database_url, pool_size=2, name="agent_workers relay")
    relays = Relays(database, name=asked.name, holder=uuid4())
    place = Place(
        queue=asked.queue,
        exchange=asked.exchange,
        exchange_type=asked.exchange_type,
        routing_key=asked.routing_key,
    )
    stop = threading.Event()
    for told in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told, lambda *_: stop.set())
    try:
        relays.open(begin=asked.begin, again=asked.reposition)
        Relay(relays, KombuExchange(settings.relay_url, place), stop=stop).run()
        _let_go(relays)
    finally:
        database.close()


def _let_go(relays: Relays) -> None:
    try:
        relays.let_go()
    except AgentWorkersError as error:
        # The lease ends by itself: the next process waits for it.
        log.warning("left_without_a_word", error=str(error))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="agent-workers relay", description=__doc__)
    parser.add_argument("--name", default="default")
    parser.add_argument("--exchange", required=True)
    parser.add_argument("--exchange-type", default="topic")
    parser.add_argument("--queue", default="")
    parser.add_argument("--routing-key", default="#")
    parser.add_argument("--from", dest="begin", choices=("now", "start"), default="now")
    parser.add_argument("--reposition", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
