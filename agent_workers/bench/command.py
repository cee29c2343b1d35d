"""`agent-workers bench`: measures the whole system on this machine, and says on what."""

import argparse
import os
import platform
from collections.abc import Callable, Mapping

from agent_workers.bench.batches import large_batch
from agent_workers.bench.history import under_snapshot, with_history
from agent_workers.bench.hostile import beside_a_hostile_tenant
from agent_workers.bench.measures import say
from agent_workers.bench.models import thinking
from agent_workers.bench.recovery import EFFECT, PURE, end_all, recovery
from agent_workers.bench.stage import ONE_WORKER, SPLIT, Stage, stage
from agent_workers.bench.tenants import beside_a_flood
from agent_workers.bench.throughput import latency, throughput
from agent_workers.bench.waiting import blocking, long_jobs
from agent_workers.terminal.errors import WronglyAsked


def _throughput(on: Stage, arguments: argparse.Namespace) -> None:
    for topology in (ONE_WORKER, SPLIT):
        throughput(on, topology, jobs=arguments.jobs)


def _latency(on: Stage, _: argparse.Namespace) -> None:
    for topology in (ONE_WORKER, SPLIT):
        latency(on, topology)


def _blocking(on: Stage, _: argparse.Namespace) -> None:
    blocking(on)


def _models(on: Stage, _: argparse.Namespace) -> None:
    thinking(on)


def _steps(on: Stage, _: argparse.Namespace) -> None:
    long_jobs(on, ONE_WORKER)


def _recovery(on: Stage, arguments: argparse.Namespace) -> None:
    recovery(on, PURE, kills=arguments.kills)
    recovery(on, PURE, kills=arguments.kills, backlog=2_000)
    recovery(on, EFFECT, kills=arguments.kills)


def _history(on: Stage, arguments: argparse.Namespace) -> None:
    with_history(on, ONE_WORKER, jobs=arguments.jobs, finished=arguments.finished)


def _snapshots(on: Stage, arguments: argparse.Namespace) -> None:
    under_snapshot(on, ONE_WORKER, jobs=arguments.jobs)


def _tenants(on: Stage, arguments: argparse.Namespace) -> None:
    beside_a_flood(on, ONE_WORKER, flood=2 * arguments.jobs, seconds=0.5, priority=100)
    beside_a_flood(on, SPLIT, flood=2 * arguments.jobs, seconds=0.5, priority=100)
    beside_a_flood(on, ONE_WORKER, flood=5 * arguments.jobs, seconds=0.0, priority=0)


def _batches(on: Stage, arguments: argparse.Namespace) -> None:
    large_batch(on, lines=arguments.lines)


def _hostile(on: Stage, _: argparse.Namespace) -> None:
    beside_a_hostile_tenant(on)
    end_all(on)
    on.restart_api()


_PARTS: Mapping[str, Callable[[Stage, argparse.Namespace], None]] = {
    "throughput": _throughput,
    "latency": _latency,
    "blocking": _blocking,
    "models": _models,
    "steps": _steps,
    "recovery": _recovery,
    "history": _history,
    "snapshots": _snapshots,
    "batches": _batches,
    "hostile": _hostile,
    "tenants": _tenants,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(_PARTS)} (all)")
    parser.add_argument("--jobs", type=int, default=1_000, help="jobs in a batch (1000)")
    parser.add_argument("--kills", type=int, default=50, help="workers to kill -9 (50)")
    parser.add_argument("--lines", type=int, default=100_000, help="items for `batches` (100000)")
    parser.add_argument(
        "--finished", type=int, default=1_000_000, help="old jobs for `history` (1000000)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the parts that were asked for, each on the same servers."""
    unknown = sorted(set(arguments.parts) - set(_PARTS))
    if unknown:
        raise WronglyAsked(
            f"there is no part {', '.join(unknown)}; choose from: {', '.join(_PARTS)}"
        )
    say(
        f"{os.cpu_count()} cores ({platform.machine()}, Python {platform.python_version()}) shared"
        " by client, API, workers, Postgres and Redis; default durability; events on"
    )
    with stage() as on:
        for name in arguments.parts or _PARTS:
            _PARTS[name](on, arguments)
    return 0
