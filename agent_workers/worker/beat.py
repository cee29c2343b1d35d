"""Starts Celery's beat, which fires the schedules: `python -m agent_workers.worker.beat`."""

import sys
from collections.abc import Sequence
from functools import partial

# Loaded before beat answers signals: its answer to one that comes early would find it half loaded.
import celery.app.amqp  # noqa: F401

from agent_workers.domain.claim import Due
from agent_workers.domain.errors import AgentWorkersError
from agent_workers.observability.logs import set_up_logs
from agent_workers.orchestration.schedules_firing import Firing
from agent_workers.settings import load_settings
from agent_workers.state.engine import Database
from agent_workers.state.schedules_firing import ScheduleFiring
from agent_workers.transport.app import make_app
from agent_workers.transport.nudge import Nudge
from agent_workers.transport.ring import ring_of
from agent_workers.worker.beat_scheduler import LONGEST_S, RowScheduler

# One transaction at a time.
_CONNECTIONS = 2


def main() -> int:
    """Read settings and keep time until told to stop."""
    try:
        settings = load_settings()
        settings.demand("database_url", "broker_url")
    except AgentWorkersError as error:
        print(f"agent-workers beat: {error}", file=sys.stderr)  # noqa: T201 (no logs yet)
        return 2
    database = Database(settings.database_url, pool_size=_CONNECTIONS, name="agent_workers beat")
    nudge = Nudge(settings.broker_url)

    def ring(due: Sequence[Due], *, parent: str | None) -> None:
        nudge.ring([ring_of(one, parent) for one in due])

    app = make_app(settings.broker_url, events=settings.task_events)
    # Without results there is nothing to clean up; Celery would ring in the first lane each night.
    app.conf.update(result_expires=None)
    beat = app.Beat(
        scheduler_cls=partial(RowScheduler, firing=Firing(ScheduleFiring(database), ring=ring)),
        max_interval=LONGEST_S,
        quiet=True,
        loglevel=settings.log_level,
        redirect_stdouts=False,
    )
    beat.setup_logging = lambda **_: set_up_logs(level=settings.log_level, json=settings.log_json)
    beat.run()
    nudge.close()
    database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
