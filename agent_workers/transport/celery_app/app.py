"""The Celery app: its settings and its queues; the worker registers the tasks."""

from collections.abc import Sequence

from celery import Celery

from agent_workers.domain.step import Lane
from agent_workers.transport.brokers.lanes import ALL_LANES
from agent_workers.transport.brokers.profiles import celery_settings
from agent_workers.transport.celery_app.event_batches import install_event_batches
from agent_workers.transport.celery_app.hub import install_hub_wakeup


def make_app(
    broker_url: str,
    *,
    lanes: Sequence[Lane] = ALL_LANES,
    events: bool = True,
    remote_control: bool = False,
) -> Celery:
    """Return an app of its own (never the current one) that consumes `lanes`, high queues first."""
    app = Celery("agent_workers", set_as_current=False)
    app.conf.update(
        celery_settings(broker_url, lanes=lanes, events=events, remote_control=remote_control)
    )
    install_hub_wakeup(app)
    install_event_batches(app)
    return app
