"""A process that holds a worker's lock and says nothing: `lock_holder URL WORKER_ID`."""

import sys
import time
from uuid import UUID

from agent_workers.domain.ids import WorkerId
from agent_workers.state.steps.workers import DeadMan, Process

if __name__ == "__main__":
    url, worker_id = sys.argv[1:]
    process = Process(
        worker_id=WorkerId(UUID(worker_id)), host="far", pid=1, pid_started=1, lanes="effect"
    )
    dead_man = DeadMan(url, process)
    assert dead_man.hold()
    sys.stdout.write("held\n")
    sys.stdout.flush()
    time.sleep(600)
