"""A real worker process for the transport's tests: its tasks write what they do into a file."""

import os
import sys
import time
from pathlib import Path

from celery import Celery

from agent_workers.transport.brokers.lanes import Task
from agent_workers.transport.celery_app.app import make_app

FLAGS = ["--without-gossip", "--without-mingle", "--loglevel", "info"]


def register(app: Celery, journal: Path) -> None:
    def work(_tenant_id: str, job_id: str, position: int) -> None:
        """Sleep as many milliseconds as the position says."""
        _note(journal, "started", job_id)
        time.sleep(position / 1000)
        _note(journal, "ended", job_id)

    for task in Task:
        app.task(name=task.value)(work)


def main() -> None:
    broker_url, journal, pool, concurrency, events = sys.argv[1:]
    app = make_app(broker_url, events=events == "True")
    register(app, Path(journal))
    app.worker_main(["worker", "--pool", pool, "--concurrency", concurrency, *FLAGS])


def _note(journal: Path, event: str, job_id: str) -> None:
    line = f"{event} {job_id} {time.monotonic()}\n".encode()
    handle = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(handle, line)
    finally:
        os.close(handle)


if __name__ == "__main__":
    main()
