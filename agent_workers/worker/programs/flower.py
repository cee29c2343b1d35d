"""Starts Flower: `python -m agent_workers.worker.programs.flower`, behind a password, read-only by default."""

import logging
import sys
from typing import Any

from flower import events
from flower.views.monitor import Metrics
from tornado.web import authenticated
from typing_extensions import override

from agent_workers.observability.logs import set_up_logs
from agent_workers.observability.programs import run_program
from agent_workers.settings import Settings, SettingsWrong, load_settings
from agent_workers.transport.brokers.listening import check_port
from agent_workers.transport.celery_app.app import make_app
from agent_workers.transport.diagnosis import say_if_away


def main() -> int:
    """Read settings and show the queue until told to stop."""
    return run_program("flower", lambda: _show(load_settings()))


def _show(settings: Settings) -> None:
    settings.demand("broker_url", "flower_password")
    options = options_of(settings)
    check_port(
        settings.flower_address, settings.flower_port, to_change="--port (AGENT_FLOWER_PORT)"
    )
    set_up_logs(**settings.logs)
    # It would call the signal that ends it by its number.
    logging.getLogger("flower.command").setLevel("WARNING")
    if not settings.remote_control:
        # It asks workers what they do not answer then, and complains of each.
        logging.getLogger("flower.inspector").setLevel("ERROR")
    say_if_away(settings.broker_url)
    guard_metrics()
    # Not on our command line, where everybody could read the password; only Flower sees it.
    app = make_app(settings.broker_url, remote_control=settings.remote_control)
    app.start(["--quiet", "flower", *options])


class MetricsByKind(events.PrometheusMetrics):
    """Counts by plan, tool and evaluate: a task's name holds its job, and every new name would be
    a set of numbers that Flower keeps for ever."""

    # Events and tasks come from Flower and Celery, which have no types.
    @override
    def observe_task(self, worker: str, event: dict[str, Any], task: Any) -> None:
        name = str(event.get("name") or task.name or "")
        super().observe_task(worker, event | {"name": name.partition(" ")[0]}, task)


def guard_metrics() -> None:
    """Flower itself shows its metrics to everybody."""
    events.PROMETHEUS_METRICS = MetricsByKind()
    Metrics.get = authenticated(Metrics.get)


def options_of(settings: Settings) -> list[str]:
    """Return Flower's options."""
    if ":" in settings.flower_user or "," in settings.flower_user + settings.flower_password:
        raise SettingsWrong("AGENT_FLOWER_USER and AGENT_FLOWER_PASSWORD must not contain a comma")
    return [
        f"--address={settings.flower_address}",
        f"--port={settings.flower_port}",
        f"--basic-auth={settings.flower_user}:{settings.flower_password}",
        f"--read-only={settings.flower_read_only}",
        # Nobody comes in by another way, whatever FLOWER_* variables or files say.
        "--auth=",
        "--natural-time=true",
    ]


if __name__ == "__main__":
    sys.exit(main())
