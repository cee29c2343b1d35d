"""Delivers webhooks: `agent-workers webhooks deliver`, as many processes as one likes."""

import argparse
import random
import signal
import sys
import time
from collections.abc import Sequence
from datetime import timedelta

import structlog

from agent_workers.execution.webhooks.send import Sender
from agent_workers.observability.logs import set_up_logs
from agent_workers.observability.programs import run_program
from agent_workers.orchestration.requests.webhooks import Courier
from agent_workers.settings import Settings, load_settings
from agent_workers.state.awaiting import await_database
from agent_workers.state.database.engine import Database
from agent_workers.state.database.schema import migration_order
from agent_workers.state.webhooks.queue import WebhookQueue
from agent_workers.worker.programs.webhook_round import Round
from agent_workers.worker.stopping import Stopping

log = structlog.get_logger(__name__)

# Longer than an attempt can take: only then is its worker known to be lost.
_BEYOND_TIMEOUT_S = 5.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read settings and deliver until told to stop."""
    return run_program("webhooks deliver", lambda: _start(load_settings(**_given(arguments))))


def _start(settings: Settings) -> None:
    settings.demand("database_url", "secret_pepper")
    set_up_logs(**settings.logs)
    await_database(
        settings.database_url, patience_s=settings.start_wait_s, schema=migration_order()
    )
    stopping = Stopping()
    for number in _SIGNALS:
        signal.signal(number, lambda *_: stopping.set())
    deliver(settings, stopping)


def deliver(settings: Settings, stopping: Stopping) -> None:
    slots = settings.webhook_slots
    pool = min(settings.db_pool_size, slots + 1)
    database = Database(settings.database_url, pool_size=pool, name="agent_workers webhooks")
    queue = WebhookQueue(
        database,
        each=settings.webhook_target_slots,
        lease=timedelta(seconds=settings.webhook_timeout_s + _BEYOND_TIMEOUT_S),
    )
    courier = Courier(
        queue,
        send=Sender(
            timeout_s=settings.webhook_timeout_s,
            allow_private=settings.allow_private_webhooks,
        ),
        pepper=settings.secret_pepper,
        clock=time.time,
        chance=random.random,
    )
    log.info("webhooks_delivering", slots=slots)
    Round(queue, courier, slots=slots).run(stopping.is_set)
    database.close()


def _given(arguments: Sequence[str] | None) -> dict[str, object]:
    parser = argparse.ArgumentParser(prog="agent-workers webhooks deliver", description=__doc__)
    parser.add_argument("--slots", dest="webhook_slots", type=int, help="deliveries at once")
    given = vars(parser.parse_args(arguments))
    return {name: value for name, value in given.items() if value is not None}


if __name__ == "__main__":
    sys.exit(main())
