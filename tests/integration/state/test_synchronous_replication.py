"""A commit whose wait for the standby was canceled is no commit that anybody may rely on."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from uuid import uuid4

import pytest

from agent_workers.domain.effect import EffectClass, EffectRules, Proof, Says, Source
from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.job import Submission
from agent_workers.orchestration.effects.act import EffectProtocol
from agent_workers.state.database.engine import Connection, Database, NotReplicated, connect
from agent_workers.state.jobs.submissions import Pace, Submissions
from tests.integration.state.acting import allow, key_of
from tests.integration.state.world import World
from tests.support.database import migrate
from tests.support.servers import running_postgres, temp_folder
from tests.unit.orchestration.ledger import Tools

RULES = EffectRules(cls=EffectClass.UNSAFE, timeout=timedelta(seconds=60))
_PATIENCE_S = 20.0
_CANCEL = "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'"


@pytest.fixture(scope="module")
def replicated() -> Iterator[Database]:
    """A database on a server of its own: a standby that is missing holds up all of its databases."""
    with temp_folder() as folder, running_postgres(folder) as server:
        url = server.create_database("replicated")
        migrate(url)
        database = Database(url, pool_size=4, name="tests")
        yield database
        database.close()


@pytest.fixture
def world(replicated: Database) -> World:
    return World(replicated, TenantId(f"tenant-{uuid4().hex[:12]}"))


@contextmanager
def without_its_standby(world: World) -> Iterator[None]:
    """Let commits wait for a standby that is not there, and somebody cancel each of these waits."""
    over = threading.Event()
    with connect(world.database.url, name="operator") as operator:
        canceling = threading.Thread(target=_cancel, args=(operator, over))
        _name_standby(world, "nobody")
        canceling.start()
        try:
            _until_commits_wait(world)
            yield
        finally:
            over.set()
            canceling.join()
            _name_standby(world, "")


def test_a_tool_does_not_act_on_a_permit_that_is_not_on_the_standby(world: World) -> None:
    claimed, tools = world.acting(), Tools()
    with without_its_standby(world), pytest.raises(NotReplicated):
        EffectProtocol(world.permits, tools, tools).run(claimed, RULES, max_tries=3)
    assert tools.acted == []
    # It may be there, or not: what follows is what follows a commit whose answer got lost.
    assert world.one("select count(*) from permits where tenant_id = %s", world.tenant) == 1


def test_evidence_that_is_not_on_the_standby_has_not_been_taken(world: World) -> None:
    claimed = world.acting()
    allow(world, claimed)
    proof = Proof(key=key_of(claimed), attempt=1, says=Says.HAPPENED, source=Source.REPLY)
    with (
        without_its_standby(world),
        pytest.raises(NotReplicated),
        world.permits.transaction() as connection,
    ):
        world.permits.evidence(connection, claimed, proof)


def test_a_job_that_is_not_on_the_standby_has_not_been_accepted(world: World) -> None:
    job = Submission(
        tenant_id=world.tenant,
        job_id=JobId(uuid4()),
        agent="demo",
        input=b"{}",
        max_cost_micro=0,
        max_steps=9,
    )
    asked = (job, Pace(plan_timeout_ms=1_000, plan_hold_micro=0))
    submissions = Submissions(world.database)
    with without_its_standby(world):
        [together] = submissions.many([asked])
        with pytest.raises(NotReplicated):
            submissions.once((_other(job), asked[1]), key="one", fingerprint=b"1")
    assert isinstance(together, StateUnavailable)


def test_a_connection_that_once_was_not_replicated_is_used_again(world: World) -> None:
    with without_its_standby(world), pytest.raises(NotReplicated):
        world.submit()
    assert world.status(world.submit()) == "queued"


def _other(job: Submission) -> Submission:
    return Submission(
        tenant_id=job.tenant_id,
        job_id=JobId(uuid4()),
        agent=job.agent,
        input=job.input,
        max_cost_micro=0,
        max_steps=9,
    )


def _name_standby(world: World, name: str) -> None:
    with connect(world.database.url, name="operator") as operator:
        operator.execute(f"alter system set synchronous_standby_names = '{name}'".encode())
        operator.execute("select pg_reload_conf()")


def _until_commits_wait(world: World) -> None:
    """Each process of the server reads the setting in its own time; one of them lets waits begin."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        with suppress(NotReplicated), world.database.connection() as connection:
            connection.execute("select pg_logical_emit_message(true, 'probe', '')")
            continue
        return
    pytest.fail("no commit waits for the standby")


def _cancel(operator: Connection, over: threading.Event) -> None:
    while not over.wait(0.05):
        operator.execute(_CANCEL)
