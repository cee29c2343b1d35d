from agent_workers.testing.clock import FakeClock as FakeClock
from agent_workers.testing.jobs import RunningJob as RunningJob
from agent_workers.testing.jobs import job as job
from agent_workers.testing.jobs import run_job as run_job
from agent_workers.testing.seen import JobSeen as JobSeen
