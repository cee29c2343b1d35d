"""What others plant in `public` never runs with our rights, nor in the place of what is ours."""

from collections.abc import Iterator

import psycopg
import pytest

from agent_workers.domain.effect import EffectClass
from agent_workers.state.database.engine import Connection
from tests.integration.state.test_triggers_enqueue import (
    a_transaction,
    count,
    enqueue,
    orders,
    registered,
    watch,
)
from tests.integration.state.world import World, use

__all__ = ["orders", "registered"]

# Each would be called in place of the server's, or of ours, with the rights of our owner.
_ARGUMENTS = (
    "variadic p text[]",
    "p1 text, p2 text",
    "p1 text, p2 text, p3 text, p4 text, p5 text, p6 jsonb, p7 text, p8 jsonb",
)
_SEIZE = """
create table public.seized (who text);
grant insert on public.seized to public;
create function public.seize() returns void language sql as
  'insert into public.seized values (current_user)'"""
_PLANT = """
create function public.{name}({arguments}) returns jsonb language plpgsql as
  $$ begin perform public.seize(); return '{{}}'; end $$"""
_CAST = """
create type public.paint as enum ('red');
create function public.told(public.paint) returns json language plpgsql as
  $$ begin perform public.seize(); return '1'; end $$;
create cast (public.paint as json) with function public.told(public.paint)"""
_SERVERS = ("jsonb_build_object", "json_build_object", "convert_to", "lower", "sha256", "to_jsonb")
_OURS = ("submit_once", "submit_jobs", "note", "commit_durably", "write_journal")
_TABLES = ("agents", "jobs", "steps", "journal", "idempotency_keys")


@pytest.fixture
def planter(world: World, orders: str) -> Iterator[str]:
    """A role that may create in `public`, enqueue, and write a table that is watched."""
    watch(world, orders, key=("id",))
    role = "planter_" + world.tenant.removeprefix("tenant-")
    world.one(f"create role {role}")
    for right in (
        "create, usage on schema public",
        "usage on schema agent_workers",
        f"insert on {orders}",
        "execute on function agent_workers.enqueue",
    ):
        world.one(f"grant {right} to {role}")
    yield role
    world.one(f"drop owned by {role}")
    world.one(f"drop role {role}")


def test_what_others_plant_in_public_never_runs_with_our_rights(
    world: World, orders: str, planter: str
) -> None:
    with a_transaction(world, role=planter) as on:
        _plant(on)
        job = enqueue(on, world, {"order": 1}, key="order 1")
        on.execute(f"insert into {orders} values (1, 'Ada', 11)".encode())
    world.plan(job, use(EffectClass.PURE))  # nor in our own sessions, which do not look there
    assert (world.status(job), count(world)) == ("running", 2)
    assert world.one("select count(*) from public.seized") == 0


def test_a_cast_to_json_of_somebody_else_never_runs_with_our_rights(
    world: World, orders: str, planter: str
) -> None:
    with a_transaction(world, role=planter) as on:
        on.execute("set local search_path = public")
        on.execute(_SEIZE)
        on.execute(_CAST)
        with pytest.raises(psycopg.Error, match="cast to json"):
            on.execute(f"insert into {orders} values (1, 'Ada', 11)".encode())


def _plant(on: Connection) -> None:
    on.execute("set local search_path = public")
    on.execute(_SEIZE)
    for name in (*_SERVERS, *_OURS):
        for arguments in _ARGUMENTS:
            on.execute(_PLANT.format(name=name, arguments=arguments).encode())
    for table in _TABLES:
        on.execute(f"create temp table {table} (planted int)".encode())
