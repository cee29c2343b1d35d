"""`agent-workers relay` on real brokers: killed in the middle, nothing is lost, each job in order."""

import json
import time
from collections import defaultdict
from typing import Any
from urllib.parse import urlsplit

import pytest
from kombu.connection import Connection
from kombu.entity import Queue

from agent_workers.domain.ids import TenantId, to_wire
from agent_workers.embedded.redis import EmbeddedRedis
from tests.integration.state.world import FINISH, World
from tests.support.half_open import half_open_wire
from tests.support.rabbitmq_server import RabbitMQ
from tests.support.worker_system import Program, System, until

pytestmark = [pytest.mark.slow]
JOBS = 120
PATIENCE_S = 30.0


def relay(running: System, url: str, tenant: TenantId, name: str, *options: str) -> Program:
    return running.start(
        name,
        *("agent_workers.worker.programs.relay_main", "--name", tenant, "--exchange", tenant),
        *("--queue", tenant, *options),
        variables={"AGENT_RELAY_URL": url},
    )


class Reader:
    """Somebody outside: keeps the first telling of each event, in the order in which they came."""

    def __init__(self, url: str, queue: str) -> None:
        self._url = url
        self._queue = queue
        self.told: defaultdict[str, list[int]] = defaultdict(list)
        self.last: dict[str, Any] = {}
        self.doubles = 0

    def read(self) -> None:
        with Connection(self._url) as connection:
            queue = Queue(self._queue)(connection)
            while (message := queue.get(no_ack=True)) is not None:
                self.last = event = json.loads(message.body)
                number = int(event["sequence"])
                if number in self.told[event["subject"]]:
                    self.doubles += 1
                else:
                    self.told[event["subject"]].append(number)

    def wait_for(self, jobs: dict[str, int]) -> None:
        end = time.monotonic() + PATIENCE_S
        while {job: len(self.told[job]) for job in jobs} != jobs:
            assert time.monotonic() < end, "waited in vain for what was published"
            self.read()
            time.sleep(0.05)


def some_jobs(world: World) -> dict[str, int]:
    """Jobs that have ended, with how many events each has."""
    ended = [world.submit() for _ in range(JOBS)]
    for job in ended:
        world.record(world.claim(job), FINISH)
    return {to_wire(job): len(world.journal(job)) for job in ended}


@pytest.mark.rabbitmq
def test_a_relay_that_is_killed_and_cut_off_loses_nothing_and_keeps_each_job_in_order(
    running: System, rabbitmq: RabbitMQ, tenant: TenantId
) -> None:
    world = World(running.database, tenant)
    there = urlsplit(rabbitmq.url)
    assert there.port is not None
    jobs = some_jobs(world)
    with half_open_wire(there.port) as wire:
        url = rabbitmq.url.replace(str(there.port), str(wire.port))
        dying = relay(running, url, tenant, "dying", "--from", "start")
        sql = "select published from relays where name = %s"
        until(lambda: running.ask(sql, tenant), "it has begun")
        jobs |= some_jobs(world)
        dying.kill()
        running.ask("update relays set lease_until = clock_timestamp() returning 1")
        last = relay(running, url, tenant, "last")
        until(lambda: "relay_connected" in last.output(), "another has come")
        wire.snap()
        jobs |= some_jobs(world)
        reader = Reader(rabbitmq.url, tenant)
        reader.wait_for(jobs)
        assert last.end() == 0
    for job, count in jobs.items():
        assert reader.told[job] == list(range(1, count + 1))


def test_an_exchange_on_redis_is_told_as_well(
    running: System, redis_server: EmbeddedRedis, tenant: TenantId
) -> None:
    jobs = some_jobs(World(running.database, tenant))
    program = relay(running, redis_server.url, tenant, "relay", "--from", "start")
    reader = Reader(redis_server.url, tenant)
    reader.wait_for(jobs)
    assert program.end() == 0
    assert all(reader.told[job] == list(range(1, count + 1)) for job, count in jobs.items())
    assert reader.last["specversion"] == "1.0"
    assert reader.last["source"] == f"/v1/jobs/{reader.last['subject']}"
