"""Starts the API: `python -m api.main`."""

import sys
import threading

import structlog

from agent_workers.domain.running.exits import WronglyTold
from agent_workers.observability.logs import set_up_logs
from agent_workers.observability.programs import run_program
from agent_workers.observability.stalls import end_when, end_when_stalled
from agent_workers.settings import Settings, load_settings
from agent_workers.state.awaiting import await_database
from agent_workers.state.database.schema import migration_order
from agent_workers.transport.brokers.listening import check_port
from agent_workers.transport.diagnosis import say_if_away
from api.app import create_app
from api.process.descriptors import bounds_of, raised_limit
from api.process.server import serve

log = structlog.get_logger(__name__)

# Work that goes on for so long after it was told to end will not end.
_HUNG_S = 60.0
# How long the event loop waits for a busy thread in each of its rounds. A round takes in one
# connection, so with Python's 5 ms a flood of connections held everybody up for seconds.
_SWITCH_S = 0.0005


def main() -> int:
    """Read settings and serve until told to stop."""
    return run_program("api", lambda: _serve(load_settings()))


def _serve(settings: Settings) -> int:
    set_up_logs(**settings.logs)
    sys.setswitchinterval(_SWITCH_S)
    app = create_app(settings)
    check_port(settings.api_host, settings.api_port, to_change="--port (AGENT_API_PORT)")
    threading.Thread(target=_say_when_ready, args=(settings,), name="ready", daemon=True).start()
    end_when_stalled()
    threads = app.state.threads
    end_when(lambda: threads.hung_s > _HUNG_S)
    log.info("api_starting", address=f"{settings.api_host}:{settings.api_port}")
    code = serve(
        app,
        host=settings.api_host,
        port=settings.api_port,
        grace_s=settings.shutdown_grace_s,
        bounds=bounds_of(
            connections=settings.api_connections,
            per_address=settings.api_connections_per_address,
            pool_size=settings.db_pool_size,
            limit=raised_limit(),
        ),
    )
    log.info("api_stopped")
    return code


def _say_when_ready(settings: Settings) -> None:
    """It answers at once, whatever is away: `/health/ready` says what, and so do we until it is there."""
    say_if_away(settings.broker_url)
    try:
        await_database(settings.database_url, patience_s=None, schema=migration_order())
    except WronglyTold as error:
        log.error("api_cannot_work", why=str(error))  # noqa: TRY400 (its words are all there is)
    else:
        log.info("api_ready")


if __name__ == "__main__":
    sys.exit(main())
