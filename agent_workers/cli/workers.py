"""`agent-workers workers`: lists the workers that run, and what each of them says that it has."""

import argparse
import errno
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta

from agent_workers.domain.worker_report import WorkerReport, WorkerSeen
from agent_workers.local.database import database_at
from agent_workers.local.surroundings import add_folder, system_here
from agent_workers.state.steps.worker_reports import WorkerReports
from agent_workers.terminal.printing import add_json, print_json, print_rows

_LONGEST_SILENCE = timedelta(minutes=10)
_COLUMNS = ("name", "pid", "state", "seen", "lanes", "pool", "slots", "version", "agents")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "List the running workers. One that was killed on this host has `ended`. One that has said "
        "nothing for half a minute is `silent`: it was killed, or cannot reach the database. "
        "After ten minutes of silence it is no longer listed."
    )
    add_folder(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    settings = system_here(arguments)
    with database_at(settings.database_url, "workers") as database:
        seen = heard_lately(WorkerReports(database).all())
    if arguments.json:
        print_json([_whole(worker) for worker in seen])
    else:
        print_rows(
            [_row(worker) for worker in seen],
            _COLUMNS,
            none="no worker runs: start one with `agent-workers worker`",
        )
    return 0


def heard_lately(seen: Sequence[WorkerSeen]) -> list[WorkerSeen]:
    """Leave out those that were killed a while ago; their reports are kept for a day."""
    return [worker for worker in seen if worker.age < _LONGEST_SILENCE]


def has_ended(report: WorkerReport) -> bool:
    """Say whether a worker of this host is gone, though it was heard of a moment ago."""
    if report.host != socket.gethostname():
        return False
    try:
        os.kill(report.pid, 0)
    except OSError as error:
        return error.errno == errno.ESRCH
    return False


def state_of(worker: WorkerSeen) -> str:
    if has_ended(worker.report):
        return "ended"
    if not worker.alive:
        return "silent"
    return "stopping" if worker.stopping else "running"


def _row(worker: WorkerSeen) -> dict[str, object]:
    report = worker.report
    return {
        "name": report.name,
        "pid": report.pid,
        "state": state_of(worker),
        "seen": f"{round(worker.age.total_seconds())} s ago",
        "lanes": ",".join(report.lanes),
        "pool": report.pool,
        "slots": report.slots,
        "version": report.version,
        "agents": ", ".join(_agents(report.agents)),
    }


def _whole(worker: WorkerSeen) -> dict[str, object]:
    return {
        **asdict(worker.report),
        "state": state_of(worker),
        "started_at": worker.started_at,
        "seen_at": worker.seen_at,
    }


def _agents(agents: Mapping[str, Sequence[str]]) -> list[str]:
    return [
        f"{name}@{version}" if version else name
        for name, versions in sorted(agents.items())
        for version in versions
    ]
