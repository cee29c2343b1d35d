"""Publishes the journal to an exchange outside: `agent-workers relay --exchange agent-workers`."""

import argparse
import signal
import sys
import threading
import time
from collections.abc import Sequence
from typing import Protocol
from uuid import uuid4

import structlog

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.running.journal_tail import Entry
from agent_workers.observability.logs import set_up_logs
from agent_workers.observability.programs import run_program
from agent_workers.settings import Settings, load_settings
from agent_workers.state.awaiting import await_database
from agent_workers.state.database.engine import Database
from agent_workers.state.database.schema import migration_order
from agent_workers.state.jobs.relays import Relays
from agent_workers.transport.bus.ingest import Place
from agent_workers.transport.bus.relay import KombuExchange

log = structlog.get_logger(__name__)

MOST_TOGETHER = 500
LEASE_S = 15.0
_HOLD_EVERY_S = 5.0
# An idle relay asks Postgres once a second in all, keeping its lease included.
_SHORTEST_S, _LONGEST_S = 0.05, 1.25
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 5.0


class Bus(Protocol):
    """Somewhere that entries are published; raises what is retryable."""

    def open(self) -> None: ...

    def publish(self, entries: Sequence[Entry]) -> None: ...

    def beat(self) -> None: ...

    def close(self) -> None: ...


class Relay:
    """The cursor moves after the broker has confirmed: a crash in between tells a batch again."""

    def __init__(self, relays: Relays, bus: Bus, *, stop: threading.Event) -> None:
        self._relays = relays
        self._bus = bus
        self._stop = stop
        self._held_at: float | None = None

    def run(self) -> None:
        """Tell until told to stop, over as many connections as it takes."""
        pause = _FIRST_PAUSE_S
        while not self._stop.is_set():
            try:
                self._bus.open()
                log.info("relay_connected")
                self._tell()
            except AgentWorkersError as error:
                if not error.retryable:
                    raise
                log.warning("relay_interrupted", error=str(error))
                self._stop.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            finally:
                self._bus.close()

    def _tell(self) -> None:
        pause = _SHORTEST_S
        while not self._stop.is_set():
            if self._holds() and self._tell_some():
                pause = _SHORTEST_S
                continue
            self._bus.beat()
            self._stop.wait(pause)
            pause = min(2 * pause, _LONGEST_S)

    def _holds(self) -> bool:
        """Have the relay to ourselves; another process with the same name stands by."""
        now = time.monotonic()
        if self._held_at is not None and now - self._held_at < _HOLD_EVERY_S:
            return True
        self._held_at = now if self._relays.hold(LEASE_S) else None
        return self._held_at is not None

    def _tell_some(self) -> bool:
        found = self._relays.next(MOST_TOGETHER)
        if found is None:
            return False
        self._bus.publish(found.entries)
        if not self._relays.told(found):
            log.warning("relay_taken_over")
            self._held_at = None
        return True


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
