"""A scheduler for Celery's beat that reads rows: any number of beats may run side by side."""

import structlog
from celery import Celery
from celery.beat import Scheduler
from typing_extensions import override

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.orchestration.requests.schedules_firing import Firing

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
