"""Behind a pgbouncer that drops our options: what guarantees rest on is set all the same."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from uuid import uuid4

import pytest
from sqlalchemy.engine import make_url

from agent_workers.cli.main import main
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.ids import EffectKey, WorkerId
from agent_workers.state.database.engine import Database, connect
from agent_workers.state.database.pooling import look_at
from agent_workers.state.database.session_settings import SETTINGS
from agent_workers.state.steps.workers import DeadMan, Process
from tests.integration.state.world import World
from tests.support.pgbouncer import Pooler
from tests.support.servers import temp_folder

FROZEN_S = 6.0
ROLE = "pooled_worker"
WORD = "a-password"

# Said again: whoever takes one away takes a guarantee away.
COUNTED_ON = {
    "search_path": "agent_workers, pg_temp",
    "idle_in_transaction_session_timeout": "5s",
    "lock_timeout": "8s",
    "statement_timeout": "30s",
    "synchronous_commit": "on",
}


@pytest.fixture(scope="module", params=["session", "transaction"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def role_url(database: Database) -> Iterator[str]:
    """The URL of a role that is the workers' alone."""
    with connect(database.url, name="test") as owner:
        owner.execute(f"create role {ROLE} login password '{WORD}'")
        owner.execute(f"grant all on schema agent_workers to {ROLE}")
        owner.execute(f"grant all on all tables in schema agent_workers to {ROLE}")
        yield make_url(database.url).set(username=ROLE, password=WORD).render_as_string(False)
        owner.execute(f"drop owned by {ROLE}")
        owner.execute(f"drop role {ROLE}")


@pytest.fixture(scope="module")
def pooler(database: Database, mode: str) -> Iterator[Pooler]:
    with temp_folder() as folder:
        made = Pooler(folder, mode=mode, database_url=database.url)
        made.add_user(ROLE, WORD)
        with made.running() as running:
            yield running


@contextmanager
def pooled(world: World, pooler: Pooler, role_url: str, *names: str) -> Iterator[World]:
    """Another worker, whose role has only these of our settings."""
    default(world, *names)
    pooler.reconnect()
    database = Database(pooler.url_of(role_url), pool_size=8, name="pooled")
    try:
        yield World(database, world.tenant)
    finally:
        database.close()


def default(world: World, *names: str) -> None:
    world.one(f"alter role {ROLE} in database {place(world)} reset all")
    for name in names:
        value = SETTINGS[name] if name == "search_path" else f"'{SETTINGS[name]}'"
        world.one(f"alter role {ROLE} in database {place(world)} set {name} = {value}")


def place(world: World) -> str:
    return str(make_url(world.database.url).database)


def test_a_worker_that_freezes_in_a_permit_holds_its_job_for_less_than_six_seconds(
    world: World, pooler: Pooler, role_url: str
) -> None:
    with pooled(world, pooler, role_url, "search_path") as frozen:
        claimed = frozen.acting()
        with suppress(StateUnavailable), frozen.permits.transaction() as held:
            frozen.permits.ask(held, claimed, EffectKey(uuid4()), b"{}")
            began_at = time.monotonic()
            world.one("select 1 from jobs where job_id = %s for update", claimed.job_id)
            took_s = time.monotonic() - began_at
    assert took_s < FROZEN_S


@pytest.mark.parametrize(
    "name", ["idle_in_transaction_session_timeout", "lock_timeout", "synchronous_commit"]
)
def test_a_permit_sets_what_it_needs_by_itself(
    world: World, pooler: Pooler, role_url: str, name: str
) -> None:
    with pooled(world, pooler, role_url, "search_path") as worker:
        world.one(f"alter role {ROLE} in database {place(world)} set synchronous_commit = off")
        pooler.reconnect()
        claimed = worker.acting()
        with worker.permits.transaction() as on:
            worker.permits.ask(on, claimed, EffectKey(uuid4()), b"{}")
            assert on.execute("select current_setting(%s)", (name,)).fetchone() == (SETTINGS[name],)


def test_without_our_path_a_connection_is_refused_with_what_helps(
    world: World, pooler: Pooler, role_url: str
) -> None:
    with (
        pooled(world, pooler, role_url) as lost,
        pytest.raises(StateUnavailable, match="run `agent-workers migrate`"),
    ):
        lost.now()


def test_migrate_keeps_every_setting_for_the_role_of_the_workers(
    world: World,
    pooler: Pooler,
    role_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    default(world)
    monkeypatch.setenv("AGENT_DATABASE_URL", pooler.url_of(role_url))
    monkeypatch.setenv("AGENT_DIRECT_DATABASE_URL", world.database.url)
    assert main(["migrate"]) == 0
    assert f"role {ROLE} has the session settings of agent_workers" in capsys.readouterr().out
    pooler.reconnect()
    with connect(pooler.url_of(role_url), name="test") as on:
        now = {name: on.execute(f"show {name}".encode()).fetchone() for name in COUNTED_ON}
    assert now == {name: (value,) for name, value in COUNTED_ON.items()}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_doctors_look_finds_each_setting_that_is_missing(
    world: World, pooler: Pooler, role_url: str, name: str
) -> None:
    default(world, *SETTINGS)
    world.one(f"alter role {ROLE} in database {place(world)} reset {name}")
    if name == "synchronous_commit":  # the server's own default is ours
        world.one(f"alter role {ROLE} in database {place(world)} set {name} = off")
    pooler.reconnect()
    assert list(look_at(pooler.url_of(role_url)).wrong) == [name]


def test_the_look_says_what_kind_of_pooler_it_is(
    world: World, pooler: Pooler, role_url: str, mode: str
) -> None:
    default(world, *SETTINGS)
    pooler.reconnect()
    seen = look_at(pooler.url_of(role_url))
    assert (seen.is_pooled, seen.is_shared) == (True, mode == "transaction")
    straight = look_at(world.database.url)
    assert (straight.is_pooled, straight.is_shared) == (False, False)


def test_many_threads_work_through_a_pooler(world: World, pooler: Pooler, role_url: str) -> None:
    """Their statements would be prepared in sessions of each other."""
    with pooled(world, pooler, role_url, "search_path") as worker:

        def one_job(_: int) -> str:
            return worker.status(worker.acting(EffectClass.PURE).job_id)

        with ThreadPoolExecutor(8) as threads:
            assert set(threads.map(one_job, range(64))) == {"running"}


def test_the_lock_of_a_living_worker_is_never_the_poolers(
    world: World, pooler: Pooler, role_url: str, mode: str
) -> None:
    default(world, *SETTINGS)
    pooler.reconnect()
    process = Process(worker_id=WorkerId(uuid4()), host="here", pid=1, pid_started=1, lanes="plan")
    dead_man = DeadMan(pooler.url_of(role_url), process)
    held = dead_man.hold()
    dead_man.let_go()
    assert held == (mode == "session")
