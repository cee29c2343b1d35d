"""Does a job cost the same while somebody's snapshot stays open, and no dead row can be removed?"""

from agent_workers.bench.measures import say
from agent_workers.bench.stage import Stage, Topology
from agent_workers.bench.throughput import throughput

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
