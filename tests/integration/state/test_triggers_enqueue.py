"""Jobs that other people's transactions submit: with them, once, and not without leave."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg.errors
import pytest

from agent_workers.domain.ids import JobId
from agent_workers.domain.step import Lane
from agent_workers.state.catalogue.agents import Agents, Registered
from agent_workers.state.database.engine import Connection, Database, connect
from agent_workers.state.triggers.watching import CannotWatch, Watch, Watching
from tests.integration.state.world import World

ENQUEUE = "select agent_workers.enqueue('demo', %s::jsonb, key => %s, tenant => %s)"


@pytest.fixture(autouse=True)
def registered(database: Database) -> None:
    Agents(database).register([Registered(name="demo", version="1", plan_timeout_ms=60_000)])


@pytest.fixture
def orders(world: World) -> Iterator[str]:
    name = "public.orders_" + world.tenant.removeprefix("tenant-")
    world.one(f"create table {name} (id int primary key, customer text, total numeric)")
    yield name
    world.one(f"drop table {name}")


@contextmanager
def a_transaction(world: World, *, commits: bool = True, role: str = "") -> Iterator[Connection]:
    with (
        connect(world.database.url, name="test") as connection,
        connection.transaction(force_rollback=not commits),
    ):
        if role:
            connection.execute(f"set local role {role}".encode())
        yield connection


# Any: a value of JSON.
def enqueue(on: Connection, world: World, given: Any, key: str | None = None) -> JobId:
    row = on.execute(ENQUEUE, (json.dumps(given), key, world.tenant)).fetchone()
    assert row is not None
    return JobId(UUID(row[0].removeprefix("job_")))


def count(world: World) -> int:
    return int(world.one("select count(*) from jobs where tenant_id = %s", world.tenant))


def test_a_job_exists_exactly_if_the_transaction_commits(world: World, orders: str) -> None:
    with a_transaction(world, commits=False) as connection:
        connection.execute(f"insert into {orders} values (1)".encode())
        enqueue(connection, world, {"order": 1}, key="order 1")
    assert count(world) == 0
    with a_transaction(world) as connection:
        connection.execute(f"insert into {orders} values (1)".encode())
        job = enqueue(connection, world, {"order": 1}, key="order 1")
        assert count(world) == 0
    assert world.job(job, "convert_from(input, 'UTF8')::jsonb") == {"order": 1}
    assert world.journal(job) == ["queued"]
    assert world.claim(job).agent == "demo"


def test_a_sweep_rings_for_it_at_once(world: World) -> None:
    with a_transaction(world) as connection:
        job = enqueue(connection, world, "hello")
    [due] = [one for one in world.sweeps.overdue([]) if one.job_id == job]
    assert due.lane is Lane.PLAN


def test_the_same_key_is_the_same_job_and_never_another(world: World) -> None:
    with a_transaction(world) as connection:
        job = enqueue(connection, world, {"a": 1, "b": 2}, key="k")
    with a_transaction(world) as connection:
        assert enqueue(connection, world, {"b": 2, "a": 1}, key="k") == job
    with pytest.raises(psycopg.Error, match="used before"), a_transaction(world) as connection:
        enqueue(connection, world, {"a": 2}, key="k")
    assert count(world) == 1


@pytest.mark.parametrize(
    ("sql", "state"),
    [
        ("select agent_workers.enqueue('nobody', '{}')", "AW006"),
        ("select agent_workers.enqueue('demo', '7')", "AW007"),
        ("select agent_workers.enqueue('demo', null)", "AW007"),
        ("select agent_workers.enqueue('demo', to_jsonb(repeat('x', 1048575)))", "AW007"),
        ("select agent_workers.enqueue('demo', '{}', metadata => '[]')", "AW007"),
    ],
)
def test_what_is_no_job_is_refused(world: World, sql: str, state: str) -> None:
    with pytest.raises(psycopg.Error) as refused:
        world.one(sql)
    assert refused.value.sqlstate == state


def test_what_is_enqueued_for_a_retired_agent_is_refused_by_its_name(world: World) -> None:
    world.one("insert into agents values (%s, 'gone', '1', 1000)", world.tenant)
    Agents(world.database).retire(world.tenant, "gone")
    with pytest.raises(psycopg.Error, match="agent 'gone' was retired") as refused:
        world.one("select agent_workers.enqueue('gone', '{}', tenant => %s)", world.tenant)
    assert refused.value.sqlstate == "AW006"


def test_only_who_has_been_granted_it_may_enqueue(world: World) -> None:
    role = "app_" + world.tenant.removeprefix("tenant-")
    world.one(f"create role {role}")
    try:
        refused = pytest.raises(psycopg.errors.InsufficientPrivilege)
        with refused, a_transaction(world, role=role) as on:
            enqueue(on, world, {})
        world.one(f"grant usage on schema agent_workers to {role}")
        world.one(f"grant execute on function agent_workers.enqueue to {role}")
        with a_transaction(world, role=role) as on:
            job = enqueue(on, world, {})
        assert world.status(job) == "queued"
    finally:
        world.one(f"drop owned by {role}")
        world.one(f"drop role {role}")


def test_only_durability_is_changed_in_the_transaction_of_others(world: World) -> None:
    """What they wait for, and how long they may think, is their own."""
    theirs = {
        "synchronous_commit": "off",
        "lock_timeout": "20s",
        "idle_in_transaction_session_timeout": "30s",
        "statement_timeout": "40s",
        "search_path": "public",
    }
    with a_transaction(world) as on:
        for name, value in theirs.items():
            on.execute(f"set local {name} = '{value}'".encode())
        enqueue(on, world, {})
        now = {
            name: (on.execute(f"show {name}".encode()).fetchone() or ("",))[0] for name in theirs
        }
    assert now == theirs | {"synchronous_commit": "on"}


def watch(world: World, table: str, **given: Any) -> str:
    members: dict[str, Any] = {"table": table, "name": "aw", "agent": "demo"}
    return Watching(world.database).watch(
        Watch(**members | {"tenant_id": world.tenant} | given)  # a table and what is said of it
    )


def inputs(world: World) -> list[Any]:
    sql = (
        "select json_agg(convert_from(input, 'UTF8')::json order by created_at, job_id) from jobs"
        " where tenant_id = %s"
    )
    return list(world.one(sql, world.tenant) or [])


def test_a_written_row_starts_a_job_in_the_writers_own_transaction(
    world: World, orders: str
) -> None:
    place = watch(world, orders, operations=("insert", "update"), when="new.total > 10")
    with a_transaction(world, commits=False) as connection:
        connection.execute(f"insert into {orders} values (1, 'Ada', 11)".encode())
    world.one(f"insert into {orders} values (1, 'Ada', 11), (2, 'Bob', 9)")
    world.one(f"update {orders} set total = 12 where id = 2")
    first, second = inputs(world)
    row = {"id": 1, "customer": "Ada", "total": 11}
    assert first == {"table": place, "operation": "insert", "row": row, "old": None}
    assert (second["operation"], second["old"]["total"]) == ("update", 9)


def test_a_key_of_columns_starts_one_job_for_each_value_of_them(world: World, orders: str) -> None:
    watch(world, orders, operations=("insert", "update", "delete"), key=("id", "customer"))
    world.one(f"insert into {orders} values (1, 'Ada', 1), (2, null, 1)")
    world.one(f"update {orders} set total = 2")
    world.one(f"update {orders} set customer = 'Eve' where id = 1")
    world.one(f"delete from {orders}")
    assert [(one["row"]["id"], one["row"]["customer"]) for one in inputs(world)] == [
        (1, "Ada"),
        (2, None),
        (1, "Eve"),
    ]


def test_a_table_is_watched_until_it_is_not(world: World, orders: str) -> None:
    watching = Watching(world.database)
    watch(world, orders.removeprefix("public."))  # where a table without a schema is looked for
    watch(world, orders, when="new.id > 1")  # takes the place of the first
    assert [(table, name) for table, name, _ in watching.all()] == [(orders, "aw")]
    watching.unwatch(orders, "aw")
    world.one(f"insert into {orders} values (5)")
    assert count(world) == 0


@pytest.mark.parametrize(
    "given",
    [
        {"table": "no_such_table"},
        {"agent": "nobody"},
        {"key": ("colour",)},
        {"when": "new.colour = 1"},
    ],
)
def test_what_cannot_be_watched_is_said(world: World, orders: str, given: Any) -> None:
    with pytest.raises(CannotWatch):
        watch(world, **{"table": orders} | given)
