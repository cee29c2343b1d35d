"""Throughput and latency of no-op jobs of three steps, each submitted by a call of its own."""

import threading
import time
from collections.abc import Sequence

from agent_workers.bench.measures import CpuMeter, by_process, percentile, say, spread
from agent_workers.bench.stage import Stage, Topology, wait_for
from agent_workers.proving.attacks.connection import Connection

_AGENT = "bench_noop"
# Each half is answered by a partial index, however many steps are done.
_BUSY = """
select exists (select from steps where status = 'ready')
    or exists (select from steps where status = 'claimed')"""


def throughput(
    stage: Stage, topology: Topology, *, jobs: int, clients: int = 8, runs: int = 3
) -> None:
    """Submit a batch from several connections; measure until the last job is done."""
    with stage.workers(topology):
        submit_all(stage, _AGENT, "x", jobs=clients * 8, clients=clients)
        wait_for(lambda: is_idle(stage), "warm-up")
        rates, usages = [], []
        for _ in range(runs):
            meter = CpuMeter(stage)
            began = time.time()
            submit_all(stage, _AGENT, "x", jobs=jobs, clients=clients)
            wait_for(lambda: is_idle(stage), "the batch", patience_s=120)
            usages.append(meter.per(jobs))
            rates.append(jobs / (last_finish(stage) - began))
    say(f"no-op jobs, {topology.name}: {spread(rates, 'jobs/s')}")
    say(f"  {by_process(usages[rates.index(sorted(rates)[len(rates) // 2])])}")


def latency(stage: Stage, topology: Topology, *, jobs: int = 300) -> None:
    """Submit one job at a time and wait for its end."""
    with stage.workers(topology):
        connection = stage.connect()
        _one(connection)
        times = [_one(connection) for _ in range(jobs)]
        connection.close()
    p50, p99 = 1000 * percentile(times, 0.5), 1000 * percentile(times, 0.99)
    say(f"one at a time, {topology.name}: submit to done p50 {p50:.1f} ms, p99 {p99:.1f} ms")


def submit_all(
    stage: Stage, agent: str, input_: object, *, jobs: int, clients: int, priority: int = 0
) -> list[str]:
    """Submit jobs over several keep-alive connections; return their ids."""
    ids: list[list[str]] = [[] for _ in range(clients)]

    def submit(mine: list[str], count: int) -> None:
        connection = stage.connect()
        mine.extend(connection.submit(agent, input_, priority=priority) for _ in range(count))
        connection.close()

    counts = [jobs // clients + (i < jobs % clients) for i in range(clients)]
    threads = [
        threading.Thread(target=submit, args=(mine, count))
        for mine, count in zip(ids, counts, strict=True)
    ]
    _run(threads)
    return [one for mine in ids for one in mine]


def is_idle(stage: Stage) -> bool:
    """Say whether no step is ready or claimed."""
    with stage.database.connection() as connection:
        row = connection.execute(_BUSY).fetchone()
    return row is not None and not row[0]


def last_finish(stage: Stage) -> float:
    with stage.database.connection() as connection:
        row = connection.execute(
            "select extract(epoch from max(finished_at))::float8 from jobs"
            " where tenant_id = 'bench' and created_at > clock_timestamp() - interval '1 hour'"
        ).fetchone()
    assert row is not None
    return float(row[0])


def _one(connection: Connection) -> float:
    began = time.perf_counter()
    job = connection.submit(_AGENT, "x")
    seen = connection.get(f"/v1/jobs/{job}?wait=10")
    if seen.body["status"] != "succeeded":
        raise RuntimeError(f"job {job} is {seen.body['status']!r}")
    return time.perf_counter() - began


def _run(threads: Sequence[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
