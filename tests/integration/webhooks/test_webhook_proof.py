"""Deliverers are killed and Postgres restarts: every end is told at least once, under one id."""

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import psutil
import psycopg
import pytest
import standardwebhooks

from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.ids import TenantId
from agent_workers.embedded.postgres import EmbeddedPostgres
from agent_workers.local.programs import variables_of, webhooks
from agent_workers.settings import Settings
from agent_workers.state.database.engine import Database
from tests.integration.state.world import World
from tests.integration.webhooks.posting import PEPPER, Posting
from tests.integration.webhooks.receiver import receiving
from tests.support.database import migrate
from tests.support.servers import running_postgres, temp_folder

JOBS, AFTERWARDS = 120, 20
PATIENCE_S = 50.0
SEED = 7
KILLS, LEAST_KILLS = 0.08, 5
# What the receiver does at the first, second, third request of each path; at last it takes it.
MOODS = {
    "steady": ["ok"],
    "moody": ["error", "reset", "ok", "lies", "empty", "moved", "ok", "garbage", "ok"],
    "busy": ["ok", "busy", "ok"],
    "slow": ["slow"],
    "gone": ["ok", "ok", "gone"],
}


def deliverer(database_url: str, log: Path) -> subprocess.Popen[bytes]:
    settings = Settings(
        database_url=database_url,
        secret_pepper=PEPPER,
        allow_private_webhooks=True,
        webhook_timeout_s=1,
        webhook_slots=8,
        env="test",
    )
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "agent_workers.worker.programs.webhooks"],
            env=webhooks(variables_of(settings)).environment,
            stdout=output,
            stderr=output,
        )


@contextmanager
def deliverers(url: str, log: Path, count: int = 2) -> Iterator[list[subprocess.Popen[bytes]]]:
    started = [deliverer(url, log) for _ in range(count)]
    try:
        yield started
    finally:
        for process in started:
            process.kill()
            process.wait(10)


def hasten(world: World) -> None:
    """Let retries come soon: the table's days are for others to wait."""
    with suppress(StateUnavailable, psycopg.Error):
        world.one(
            "update webhook_deliveries set due_at = clock_timestamp()"
            " where status = 'pending' and due_at > clock_timestamp() + interval '0.3 seconds'"
        )


def unfinished(world: World) -> int:
    """Count what is still to be delivered."""
    sql = "select count(*) from webhook_deliveries where finished_at is null"
    try:
        return int(world.one(sql))
    except (StateUnavailable, psycopg.Error):
        return 1


def end_jobs(posting: Posting, count: int) -> Iterator[str]:
    """End jobs one by one; each that is known to have ended is told to our caller."""
    for _ in range(count):
        with suppress(StateUnavailable, psycopg.Error):
            job = posting.submit(callback="mine")
            if posting.world.cancel(job) == "canceled":
                yield job.hex
        time.sleep(0.02)


@dataclass(kw_only=True)
class Storm:
    """Jobs end while deliverers are killed, and in the middle Postgres crashes."""

    posting: Posting
    server: EmbeddedPostgres
    log: Path
    ended: list[str] = field(default_factory=list)
    kills: int = 0
    # How many deliveries to a disabled endpoint were claimed after that.
    claims: int = -1

    def blow(self) -> None:
        chance, url = random.Random(SEED), self.posting.world.database.url
        with deliverers(url, self.log) as processes:
            for job in end_jobs(self.posting, JOBS):
                self.ended.append(job)
                if chance.random() < KILLS:
                    self.kills += 1
                    number = chance.randrange(len(processes))
                    processes[number].kill()
                    processes[number].wait(10)
                    processes[number] = deliverer(url, self.log)
                if len(self.ended) == JOBS // 2:
                    self.server.kill_immediate()
                    self.server.start()
                hasten(self.posting.world)
            self.posting.receiver.script["slow"] = ["ok"]
            self.calm()
            # By now its 410 is recorded, and each of these is a reason to go there again.
            self.ended += end_jobs(self.posting, AFTERWARDS)
            self.calm()
            self.claims = claims_after(self.posting.world)

    def calm(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while unfinished(self.posting.world) and time.monotonic() < deadline:
            hasten(self.posting.world)
            time.sleep(0.2)
        assert unfinished(self.posting.world) == 0, self.log.read_text()[-3_000:]


@pytest.mark.slow
def test_every_end_is_told_though_deliverers_are_killed_and_postgres_crashes(tmp_path: Path):
    with temp_folder() as folder, running_postgres(folder) as server, receiving() as receiver:
        url = server.create_database("webhooks")
        migrate(url)
        database = Database(url, pool_size=4, name="test")
        posting = Posting(world=World(database, TenantId("acme")), receiver=receiver)
        receiver.script, receiver.slow_s = dict(MOODS), 3.0
        endpoints = {path: posting.endpoint(path, "job.*").endpoint_id for path in MOODS}
        posting.endpoint("operators", "webhook_endpoint.*")
        watch_claims(posting.world)
        storm = Storm(posting=posting, server=server, log=tmp_path / "log")
        storm.blow()
        gone_at = when_gone(posting.world, endpoints["gone"])
        database.close()
    assert len(storm.ended) > JOBS * 3 // 4
    assert storm.kills >= LEAST_KILLS
    for path in set(MOODS) - {"gone"}:
        all_told_once_or_more(posting, path, endpoints[path], storm.ended)
    all_told_once_or_more(posting, "mine", None, storm.ended)
    assert storm.claims == 0
    gone_is_left_alone(posting, endpoints["gone"], gone_at)


def all_told_once_or_more(
    posting: Posting, path: str, endpoint_id: UUID | None, ended: list[str]
) -> None:
    """One job, one id, however often it was sent; no id for two jobs; and none left out."""
    verifier = standardwebhooks.Webhook(posting.secret(endpoint_id))
    ids: dict[str, str] = {}
    for request in posting.receiver.at(path):
        event = verifier.verify(request.body, request.headers)
        job = event["data"]["id"].removeprefix("job_")
        assert ids.setdefault(request.message_id, job) == job
    assert set(ended) <= set(ids.values()), f"{path}: some were never told"
    assert len(ids) == len(set(ids.values()))


def watch_claims(world: World) -> None:
    """Let the database note when a delivery was claimed, and whether its endpoint was there."""
    world.one("create table claimed_deliveries (endpoint_id uuid, at timestamptz, status text)")
    world.one("""
create function note_claim() returns trigger language plpgsql as $$
begin
  insert into claimed_deliveries
  select new.endpoint_id, clock_timestamp(), status from webhook_endpoints
   where tenant_id = new.tenant_id and endpoint_id = new.endpoint_id;
  return null;
end $$""")
    world.one(
        "create trigger note_claim after update on webhook_deliveries for each row"
        " when (new.status = 'sending' and new.fence > old.fence) execute function note_claim()"
    )


def when_gone(world: World, endpoint_id: UUID) -> float:
    """Return when the 410 was recorded, by the clock of the receiver."""
    sql = (
        "select extract(epoch from clock_timestamp() - disabled_at)::float8 from webhook_endpoints"
        " where endpoint_id = %s"
    )
    return time.monotonic() - float(world.one(sql, endpoint_id))


def claims_after(world: World) -> int:
    """Count the deliveries that were claimed though their endpoint was known to be gone."""
    return int(world.one("select count(*) from claimed_deliveries where status = 'disabled'"))


def gone_is_left_alone(posting: Posting, endpoint_id: UUID, gone_at: float) -> None:
    """Those that were under way when the 410 came, and not one more; and it was said."""
    assert 3 <= len(posting.receiver.at("gone")) <= 3 + posting.each
    late = [one.at - gone_at for one in posting.receiver.at("gone") if one.at > gone_at + 1.0]
    assert not late, "a request began long after the 410 had been recorded"
    told = [json.loads(one.body)["data"] for one in posting.receiver.at("operators")]
    reasons = {one["reason"] for one in told if one["id"] == f"we_{endpoint_id.hex}"}
    assert reasons == {"the receiver answered 410 Gone"}


@pytest.mark.slow
def test_a_slow_endpoint_delays_nobody_else(posting: Posting, tmp_path: Path):
    posting.receiver.slow_s = 20.0
    posting.endpoint("slow")
    posting.endpoint("steady")
    for _ in range(30):
        posting.ended()
    began = time.monotonic()
    with deliverers(posting.world.database.url, tmp_path / "log", count=1) as processes:
        while len(posting.receiver.at("steady")) < 30 and time.monotonic() < began + PATIENCE_S:
            time.sleep(0.05)
        assert len(posting.receiver.at("steady")) == 30
        # Never more of the slow ones at once than one target may have; each takes a second.
        rounds = 1 + int(time.monotonic() - began)
        assert 1 <= len(posting.receiver.at("slow")) <= rounds * posting.each
        processes[0].send_signal(signal.SIGTERM)
        assert processes[0].wait(PATIENCE_S) == 0
        assert not psutil.pid_exists(processes[0].pid)
