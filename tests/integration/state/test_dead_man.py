"""The dead-man lock: a connection that does not hold it never passes for one that does."""

from collections.abc import Iterator, Sequence
from uuid import UUID, uuid4

import pytest

from agent_workers.domain.ids import WorkerId
from agent_workers.state.database.engine import connect
from agent_workers.state.steps.workers import DeadMan, Process, Workers
from tests.integration.state.world import World
from tests.support.worker_system import until

ME = Process(worker_id=WorkerId(uuid4()), host="here", pid=1, pid_started=1, lanes="plan")
_HELD = """
select count(*) from pg_locks where locktype = 'advisory' and granted
   and ((classid::bigint << 32) | objid::bigint) = %s"""


@pytest.fixture
def dead_man(world: World) -> Iterator[DeadMan]:
    opened = DeadMan(world.database.url, ME)
    yield opened
    opened.let_go()


def neighbours(world: World) -> Sequence[tuple[UUID, int, int]]:
    return world.sweeps.look(worker_id=ME.worker_id, host="here").neighbours


def test_a_lock_that_the_server_still_gives_to_our_lost_connection_is_taken_later(
    world: World, dead_man: DeadMan
) -> None:
    with connect(world.database.url, name="lost") as lost:
        lost.execute("select pg_advisory_lock(%s)", (ME.lock_key,))
        assert (dead_man.hold(), dead_man.is_held) == (False, False)
    assert (dead_man.hold(), dead_man.is_held) == (True, True)
    assert not dead_man.hold()
    assert world.one(_HELD, ME.lock_key) == 1


def test_workers_of_a_host_are_known_until_they_leave(world: World, dead_man: DeadMan) -> None:
    dead_man.hold()
    assert neighbours(world) == [(ME.worker_id, 1, 1)]
    Workers(world.database).leave(ME.worker_id)
    assert neighbours(world) == []


def test_a_connection_that_the_server_has_ended_is_noticed_without_asking(
    world: World, dead_man: DeadMan
) -> None:
    dead_man.hold()
    assert not dead_man.is_disturbed
    world.one(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity"
        " where application_name = 'agent_workers dead-man' and datname = current_database()"
    )
    until(lambda: dead_man.is_disturbed, "it has ended")
    assert dead_man.hold()
    assert not dead_man.is_disturbed
