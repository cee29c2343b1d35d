"""Does a job cost the same when the tables hold a million others?"""

import time

from agent_workers.bench.measures import say
from agent_workers.bench.stage import Stage, Topology
from agent_workers.bench.throughput import throughput

# Finished jobs as the engine leaves them, made in bulk: the guards would take an hour.
_FILL = """
set session_replication_role = replica;
create temp table old as
  select gen_random_uuid() as job_id, clock_timestamp() - interval '30 days' + n * interval '1 second'
         as at from generate_series(1, {jobs}) n;
insert into jobs (tenant_id, job_id, root_id, agent, status, input, output, max_steps,
                  next_position, journal_number, tool_calls, created_at, started_at, finished_at)
  select 'bench', job_id, job_id, 'bench_noop', 'succeeded', '"x"', '"ok"', 1000, 3, 6, 1, at, at, at
    from old;
insert into steps (tenant_id, job_id, position, round, kind, lane, status, timeout_ms, fence,
                   outcome_type, outcome, created_at, claimed_at, done_at)
  select 'bench', job_id, p, 0, (array['plan', 'tool', 'evaluate'])[p + 1],
         (array['plan', 'tool', 'evaluate'])[p + 1], 'done', 60000, 1, 'tool_ran', 'null', at, at, at
    from old, generate_series(0, 2) p;
insert into journal (tenant_id, job_id, number, type, at, data)
  select 'bench', job_id, n, 'step.completed', at, '{{}}' from old, generate_series(1, 6) n;
drop table old;
set session_replication_role = origin;
vacuum analyze jobs;
vacuum analyze steps;
vacuum analyze journal"""


def with_history(stage: Stage, topology: Topology, *, jobs: int, finished: int) -> None:
    """Measure throughput with an empty table's successor: one that holds many finished jobs."""
    began = time.monotonic()
    with stage.database.connection() as connection:
        connection.execute("set statement_timeout = 0")
        for statement in _FILL.format(jobs=finished).split(";"):
            connection.execute(statement.encode())
        connection.execute("set statement_timeout = 30000")
    say(f"(made {finished:,} finished jobs in {time.monotonic() - began:.0f} s)")
    throughput(stage, topology, jobs=jobs)


_ROUNDS = 5


def under_snapshot(stage: Stage, topology: Topology, *, jobs: int) -> None:
    """Hold a snapshot open, as a dump does, and measure batch after batch."""
    with stage.database.alone() as reader:
        reader.execute("set idle_in_transaction_session_timeout = 0")
        reader.execute("begin isolation level repeatable read")
        reader.execute("select count(*) from jobs")
        for number in range(_ROUNDS):
            say(f"(a snapshot is open, and {number * jobs:,} jobs are done)")
            throughput(stage, topology, jobs=jobs, runs=1)
        reader.execute("rollback")
