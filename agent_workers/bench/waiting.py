"""Jobs that block as model calls do, and jobs of very many steps."""

import time

from agent_workers.bench.measures import CpuMeter, by_process, resident_mib, say
from agent_workers.bench.stage import Stage, Topology, wait_for
from agent_workers.bench.throughput import is_idle, last_finish, submit_all
from agent_workers.proving.attacks.connection import Connection

_STEPS_PER_ROUND = 3


def blocking(stage: Stage, *, jobs: int = 500, seconds: float = 1.0) -> None:
    """Submit jobs at once whose three steps each block; ideal is three times as long as one."""
    lanes = "plan,tool,evaluate"
    topology = Topology(
        name=f"one process of {jobs} threads",
        workers=(("--lanes", lanes, "--pool", "threads", "--concurrency", str(jobs)),),
    )
    with stage.workers(topology):
        meter = CpuMeter(stage)
        began = time.time()
        submit_all(stage, "bench_nap", {"seconds": seconds}, jobs=jobs, clients=8)
        submitted = time.time() - began
        time.sleep(seconds * 2)
        resident = resident_mib(stage.processes["worker1"].pid)
        wait_for(lambda: is_idle(stage), "blocking jobs", patience_s=120)
        took = last_finish(stage) - began
        say(
            f"{jobs} jobs of three steps that block {seconds:.0f} s each, {topology.name}: done"
            f" {took:.2f} s after the first submission (ideal {3 * seconds:.0f}; the submissions"
            f" took {submitted:.2f} s); {resident:.0f} MiB resident"
        )
        say(f"  {by_process(meter.per(jobs))}")


def long_jobs(stage: Stage, topology: Topology, *, lengths: tuple[int, ...] = (51, 999)) -> None:
    """Measure what a step costs in jobs of more and more steps."""
    with stage.workers(topology):
        connection = stage.connect()
        _run(stage, connection, lengths[0])  # warms up
        for steps in lengths:
            took = sorted(_run(stage, connection, steps) for _ in range(3))
            say(f"a job of {steps} steps: {1000 * took[1] / steps:.2f} ms per step")
        connection.close()


def _run(stage: Stage, connection: Connection, steps: int) -> float:
    job = connection.submit("bench_long", {"rounds": steps // _STEPS_PER_ROUND})
    wait_for(lambda: is_idle(stage), "a long job", patience_s=120)
    return _seconds_of(stage, job)


def _seconds_of(stage: Stage, job: str) -> float:
    with stage.database.connection() as connection:
        row = connection.execute(
            "select extract(epoch from finished_at - started_at)::float8, status from jobs"
            " where tenant_id = 'bench' and job_id = %s::uuid",
            (job.removeprefix("job_"),),
        ).fetchone()
    assert row is not None
    if row[1] != "succeeded":
        raise RuntimeError(f"{job} is {row[1]!r}")
    return float(row[0])
