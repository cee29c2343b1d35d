"""From kill -9 to resumed: how long a step lies there after its worker died."""

import os
import signal
import time
from dataclasses import dataclass

from agent_workers.cli.bench.measures import percentile, say
from agent_workers.cli.bench.stage import Stage, wait_for
from agent_workers.cli.bench.throughput import submit_all

_WORKER = ("--lanes", "plan,tool,evaluate", "--pool", "threads", "--concurrency", "4")
_WHO = """
select w.pid from steps s join workers w on w.worker_id = s.claimed_by
 where s.tenant_id = 'bench' and s.job_id = %s::uuid and s.status = 'claimed' and s.kind = 'tool'"""
_RESUMED = """
select extract(epoch from claimed_at)::float8 from steps
 where tenant_id = 'bench' and job_id = %s::uuid and kind = 'tool' and fence > 1"""
_LONG_S = 600.0


@dataclass(slots=True)
class _Pair:
    """Two workers on the same lanes; whichever holds the step is killed and started again."""

    stage: Stage

    def start(self) -> None:
        for name in ("first", "second"):
            self.stage.start_worker(name, _WORKER)

    def stop(self) -> None:
        for name in ("first", "second"):
            if name in self.stage.processes:
                self.stage.stop(name)

    def kill(self, pid: int) -> float:
        """Kill -9 the worker with this pid; return when, and start another in its place."""
        name = next(n for n, p in self.stage.processes.items() if p.pid == pid)
        process = self.stage.processes.pop(name)
        at = time.time()
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self.stage.start(name, "agent_workers.worker.main", *_WORKER)
        return at


def recovery(stage: Stage, *, kills: int = 50, backlog: int = 0) -> None:
    """Kill the worker that holds a step, again and again, with a second live one on the lane."""
    pair = _Pair(stage)
    pair.start()
    try:
        if backlog:
            submit_all(stage, "bench_nap", {"seconds": 0.2}, jobs=backlog, clients=4)
        waits = [_one_kill(stage, pair) for _ in range(kills)]
    finally:
        pair.stop()
        _end_all(stage)
    p50, p99 = percentile(waits, 0.5), percentile(waits, 0.99)
    behind = f"behind {backlog} jobs" if backlog else "with nothing else to do"
    say(
        f"kill -9 to resumed by a second worker, {behind}: p50 {p50:.2f} s, p99 {p99:.2f} s,"
        f" longest {max(waits):.2f} s ({kills} kills)"
    )


def _one_kill(stage: Stage, pair: _Pair) -> float:
    connection = stage.connect()
    job = connection.submit("bench_stall", {"seconds": _LONG_S}, priority=9).removeprefix("job_")
    wait_for(lambda: _ask(stage, _WHO, job), "a claim", patience_s=60)
    pid = int(_ask(stage, _WHO, job) or 0)
    at = pair.kill(pid)
    wait_for(lambda: _ask(stage, _RESUMED, job), "a second claim", patience_s=60)
    resumed = _ask(stage, _RESUMED, job)
    connection.post(f"/v1/jobs/{job}/cancel", b'{"mode": "now"}')
    connection.close()
    wait_for(lambda: _both_known(stage), "the worker's return")
    return float(resumed or 0) - at


def _both_known(stage: Stage) -> bool:
    with stage.database.connection() as connection:
        row = connection.execute(
            "select count(*) from workers where pid = any (%s)",
            ([process.pid for process in stage.processes.values()],),
        ).fetchone()
    return row is not None and row[0] >= 2  # noqa: PLR2004 (the pair)


def _ask(stage: Stage, sql: str, job: str) -> float | int | None:
    with stage.database.connection() as connection:
        row = connection.execute(sql.encode(), (job,)).fetchone()
    return None if row is None else row[0]


def _end_all(stage: Stage) -> None:
    with stage.database.connection() as connection:
        connection.execute(
            "select stop_job(tenant_id, job_id, 'canceled', null, 'measured', true) from jobs"
            " where finished_at is null"
        )
        connection.execute("select free_expired(10000, 100)")
