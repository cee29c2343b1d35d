"""From kill -9 to resumed: how long a step lies there after its worker died."""

import os
import signal
import time
from dataclasses import dataclass
from typing import LiteralString

from agent_workers.bench.measures import percentile, say
from agent_workers.bench.stage import Stage, wait_for
from agent_workers.bench.throughput import submit_all

_LONG_S = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What is interrupted: by which workers, who holds it, and when it goes on."""

    name: str
    agent: str
    worker: tuple[str, ...]
    held_by: LiteralString
    resumed_at: LiteralString


PURE = _Work(
    name="resumed",
    agent="bench_stall",
    worker=("--lanes", "plan,tool,evaluate", "--pool", "threads", "--concurrency", "4"),
    held_by="""
    select w.pid from steps s join workers w on w.worker_id = s.claimed_by
     where s.tenant_id = 'bench' and s.job_id = %s::uuid and s.status = 'claimed'
       and s.kind = 'tool'""",
    resumed_at="""
    select extract(epoch from claimed_at)::float8 from steps
     where tenant_id = 'bench' and job_id = %s::uuid and kind = 'tool' and fence > 1""",
)
# It acts again once a look-up, after its settling time of 0.2 s, has seen nothing.
EFFECT = _Work(
    name="an effect looked up and allowed again",
    agent="bench_act",
    worker=("--lanes", "plan,tool,effect,evaluate", "--pool", "solo"),
    held_by="""
    select w.pid from effects e join permits p using (tenant_id, effect_key)
      join workers w using (worker_id)
     where e.tenant_id = 'bench' and e.job_id = %s::uuid and p.says is null""",
    resumed_at="""
    select extract(epoch from p.granted_at)::float8
      from effects e join permits p using (tenant_id, effect_key)
     where e.tenant_id = 'bench' and e.job_id = %s::uuid and p.attempt > 1""",
)


@dataclass(slots=True)
class _Pair:
    """Two workers on the same lanes; whichever holds the step is killed and started again."""

    stage: Stage
    worker: tuple[str, ...]

    def start(self) -> None:
        for name in ("first", "second"):
            self.stage.start_worker(name, self.worker)

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
        self.stage.start(name, "agent_workers.worker.programs.main", *self.worker)
        return at


def recovery(stage: Stage, work: _Work, *, kills: int = 50, backlog: int = 0) -> None:
    """Kill the worker that holds a step, again and again, with a second live one on the lane."""
    pair = _Pair(stage, work.worker)
    pair.start()
    try:
        if backlog:
            submit_all(stage, "bench_nap", {"seconds": 0.2}, jobs=backlog, clients=4)
        waits = [_one_kill(stage, pair, work) for _ in range(kills)]
    finally:
        pair.stop()
        end_all(stage)
    p50, p99 = percentile(waits, 0.5), percentile(waits, 0.99)
    behind = f"behind {backlog} jobs" if backlog else "with nothing else to do"
    say(
        f"kill -9 to {work.name} by a second worker, {behind}: p50 {p50:.2f} s, p99 {p99:.2f} s,"
        f" longest {max(waits):.2f} s ({kills} kills)"
    )


def _one_kill(stage: Stage, pair: _Pair, work: _Work) -> float:
    connection = stage.connect()
    job = connection.submit(work.agent, {"seconds": _LONG_S}, priority=9).removeprefix("job_")
    wait_for(lambda: _ask(stage, work.held_by, job), "a claim", patience_s=60)
    pid = int(_ask(stage, work.held_by, job) or 0)
    at = pair.kill(pid)
    wait_for(lambda: _ask(stage, work.resumed_at, job), "a second claim", patience_s=60)
    resumed = _ask(stage, work.resumed_at, job)
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


def _ask(stage: Stage, sql: LiteralString, job: str) -> float | int | None:
    with stage.database.connection() as connection:
        row = connection.execute(sql, (job,)).fetchone()
    return None if row is None else row[0]


def end_all(stage: Stage) -> None:
    """End whatever was not waited for."""
    with stage.database.connection() as connection:
        connection.execute(
            "select stop_job(tenant_id, job_id, 'canceled', null, 'measured', true) from jobs"
            " where finished_at is null"
        )
        connection.execute("select free_expired(10000, 100)")
