"""Starts Celery's beat, which fires the schedules: `python -m agent_workers.worker.programs.beat`."""

import sys
from collections.abc import Sequence
from functools import partial

# Loaded before beat answers signals: its answer to one that comes early would find it half loaded.
import celery.app.amqp  # noqa: F401
import structlog
from celery import Celery
from celery.beat import Scheduler
from typing_extensions import override

from agent_workers.domain.claim import Due
from agent_workers.domain.errors import AgentWorkersError
from agent_workers.observability.logs import set_up_logs
from agent_workers.observability.programs import run_program
from agent_workers.orchestration.requests.schedules import Firing
from agent_workers.settings import Settings, load_settings
from agent_workers.state.awaiting import await_database
from agent_workers.state.database.engine import Database
from agent_workers.state.database.schema import migration_order
from agent_workers.state.schedules.firing import ScheduleFiring
from agent_workers.transport.celery_app.app import make_app
from agent_workers.transport.diagnosis import say_if_away
from agent_workers.transport.doorbells.nudge import Nudge
from agent_workers.transport.doorbells.ring import ring_of

log = structlog.get_logger(__name__)

# An edit takes effect within this time; a tick that another beat holds is looked at again.
LONGEST_S = 0.9
_SHORTEST_S = 0.01


class RowScheduler(Scheduler):
    """Remembers nothing: killed at any moment it loses nothing, for the rows are the truth."""

    def __init__(self, app: Celery, *, firing: Firing, **options: object) -> None:
        self._firing = firing
        super().__init__(app, **options)

    @override
    def tick(self, *_: object, **__: object) -> float:
        """Fire what is due; return how long to sleep."""
        try:
            if self._firing.is_due():
                self._firing.fire_all()
                self._firing.is_due()
            left = self._firing.until_next
        except AgentWorkersError as error:
            log.warning("beat_failed", error=str(error))
            return LONGEST_S
        except Exception:
            # A clock that stops because of one surprise is worse than one that says so.
            log.exception("beat_broke")
            return LONGEST_S
        return LONGEST_S if left is None else min(max(left, _SHORTEST_S), LONGEST_S)

    @property
    def info(self) -> str:
        return "    . rows -> schedules"


# One transaction at a time.
_CONNECTIONS = 2


def main() -> int:
    """Read settings and keep time until told to stop."""
    return run_program("beat", lambda: _keep_time(load_settings()))


def _keep_time(settings: Settings) -> None:
    settings.demand("database_url", "broker_url")
    set_up_logs(**settings.logs)
    await_database(
        settings.database_url, patience_s=settings.start_wait_s, schema=migration_order()
    )
    say_if_away(settings.broker_url)
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
    beat.setup_logging = lambda **_: set_up_logs(**settings.logs)
    beat.run()
    nudge.close()
    database.close()


if __name__ == "__main__":
    sys.exit(main())
