"""A clock that is stepped forward under live permits makes none of them quiet, nor any lease run out."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from typing_extensions import override

from agent_workers.domain.claim import Claimed
from agent_workers.domain.effect import Asked, EffectClass, Says
from agent_workers.domain.ids import WorkerId
from agent_workers.state.database.engine import Connection, Database
from agent_workers.state.database.server_clock import ServerClock
from agent_workers.state.steps.permits import Permits
from tests.integration.state.acting import allow, key_of, rules, say
from tests.integration.state.world import World

HOUR = timedelta(hours=1)
RULES = rules(EffectClass.RECONCILABLE)
# In front of Postgres's own function of this name, for whoever looks there first.
_SETTABLE = """
create schema if not exists stepped;
create table if not exists stepped.clock (ahead interval not null);
insert into stepped.clock select '0' where not exists (select from stepped.clock);
create or replace function stepped.clock_timestamp() returns timestamptz language sql volatile as
  'select pg_catalog.clock_timestamp() + ahead from stepped.clock'"""


class Stepped(Database):
    """A database whose clock is ours to set."""

    @override
    @contextmanager
    def connection(self) -> Iterator[Connection]:
        with super().connection() as connection:
            connection.execute("set search_path = stepped, agent_workers, pg_catalog, pg_temp")
            yield connection


@pytest.fixture
def stepped(world: World) -> Iterator[World]:
    """A world whose clock can be stepped, and whose jobs have all ended."""
    world.end_all()
    with world.database.connection() as connection:
        connection.execute(_SETTABLE.encode())
        connection.execute("update stepped.clock set ahead = '0'")
    database = Stepped(world.database.url, pool_size=4, name="stepped")
    yield World(database, world.tenant)
    database.close()


def step(world: World, ahead: timedelta) -> None:
    world.one("update stepped.clock set ahead = ahead + %s", ahead)


def looking(world: World) -> ServerClock:
    """The clock as a process knows it that has looked; of a slow reply it would learn nothing."""
    clock = ServerClock(world.database)
    for _ in range(5):
        clock.look()
    return clock


def permitted(world: World) -> Claimed:
    claimed = world.acting(EffectClass.RECONCILABLE)
    allow(world, claimed)
    return claimed


def asked_by(world: World, claimed: Claimed, clock: ServerClock | None) -> Asked:
    permits = Permits(world.database, WorkerId(world.worker), clock)
    with permits.transaction() as connection:
        return permits.ask(connection, claimed, key_of(claimed), claimed.arguments)


def quiet_in(asked: Asked) -> timedelta:
    assert asked.known.quiet_after is not None
    return asked.known.quiet_after - asked.now


def test_whoever_asks_for_a_permit_sees_that_the_clock_jumped(stepped: World) -> None:
    clock, claimed = looking(stepped), permitted(stepped)
    step(stepped, HOUR)
    left = quiet_in(asked_by(stepped, claimed, clock))
    assert timedelta(0) <= RULES.quiet_time - left < timedelta(seconds=20)


def test_the_look_of_one_process_is_enough_for_those_that_are_younger(stepped: World) -> None:
    clock, claimed = looking(stepped), permitted(stepped)
    step(stepped, HOUR)
    clock.look()
    assert quiet_in(asked_by(stepped, claimed, None)) > timedelta(0)


def test_many_who_look_extend_once(stepped: World) -> None:
    clocks, claimed = [looking(stepped) for _ in range(4)], permitted(stepped)
    step(stepped, HOUR)
    for clock in clocks:
        clock.look()
        clock.look()
    assert timedelta(0) < quiet_in(asked_by(stepped, claimed, None)) <= RULES.quiet_time


def test_leases_do_not_run_out_by_a_step(stepped: World) -> None:
    clock, claimed = looking(stepped), permitted(stepped)
    step(stepped, HOUR)
    clock.look()
    assert stepped.sweeps.expired() == []
    assert stepped.step(claimed.job_id, 1, "deaths") == 0


def test_a_clock_that_only_runs_extends_nothing(stepped: World) -> None:
    clock, claimed = looking(stepped), permitted(stepped)
    before = quiet_at(stepped, claimed)
    step(stepped, timedelta(milliseconds=200))
    clock.look()
    asked_by(stepped, claimed, clock)
    step(stepped, -HOUR)
    clock.look()
    assert quiet_at(stepped, claimed) == before


def test_what_was_quiet_before_the_step_stays_quiet(stepped: World) -> None:
    claimed = permitted(stepped)
    step(stepped, HOUR)  # that much time has really passed
    clock = looking(stepped)
    before = quiet_at(stepped, claimed)
    step(stepped, HOUR)
    clock.look()
    assert quiet_at(stepped, claimed) == before
    assert quiet_in(asked_by(stepped, claimed, clock)) < timedelta(0)


def test_what_is_proven_keeps_its_times(stepped: World) -> None:
    clock, claimed = looking(stepped), permitted(stepped)
    say(stepped, claimed, Says.NOT_EXECUTED)
    before = quiet_at(stepped, claimed)
    step(stepped, HOUR)
    clock.look()
    assert quiet_at(stepped, claimed) == before


def test_a_row_that_somebody_holds_is_extended_by_the_next_look(stepped: World) -> None:
    clock, claimed = looking(stepped), permitted(stepped)
    before = quiet_at(stepped, claimed)
    step(stepped, HOUR)
    with stepped.database.transaction() as other:
        other.execute("select 1 from permits where effect_key = %s for update", (key_of(claimed),))
        clock.look()
    assert quiet_at(stepped, claimed) == before
    clock.look()
    assert quiet_at(stepped, claimed) > before


@pytest.mark.parametrize("who", ["sweeper", "asker"])
def test_another_server_than_before_starts_all_quiet_times_again(stepped: World, who: str) -> None:
    claimed = permitted(stepped)
    stepped.one("delete from incarnations")  # as a crash and a promotion do
    step(stepped, HOUR)
    if who == "sweeper":
        stepped.sweeps.lost([])
    left = quiet_in(asked_by(stepped, claimed, None))
    assert timedelta(0) < left <= RULES.quiet_time
    assert stepped.one("select count(*) from incarnations") == 1


def quiet_at(world: World, claimed: Claimed) -> datetime:
    found: datetime = world.one(
        "select max(quiet_after) from permits where effect_key = %s", key_of(claimed)
    )
    return found
