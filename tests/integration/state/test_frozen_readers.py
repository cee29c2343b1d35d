"""A worker that freezes while it reads a large claim holds no lock of the job."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent_workers.domain import codec
from agent_workers.domain.claim import Claimed, Onward
from agent_workers.domain.text.encoding import digest
from agent_workers.state.database.engine import Database
from tests.integration.state.acting import ask, key_of
from tests.integration.state.slow_reader import Wire
from tests.integration.state.world import ALL_LANES, FINISH, World

# Larger than an input may be, so that no buffer of a wire within one machine takes it in.
LARGE = b"x" * 16_000_000
Take = Callable[[], object]
_PATIENCE_S = 5.0


@pytest.fixture
def wire(world: World) -> Iterator[Wire]:
    with Wire(world.database.url).running() as running:
        yield running


@pytest.fixture
def far(world: World, wire: Wire) -> Iterator[World]:
    """The worker at the other end of the wire; its connection is open already."""
    database = Database(wire.url, pool_size=1, name="far")
    world_there = World(database, world.tenant)
    world_there.now()
    yield world_there
    wire.thaw()
    database.close()


def by_claim(far: World) -> Take:
    def take() -> object:
        return far.claims.next(ALL_LANES)

    return take


def by_record(far: World) -> Take:
    """Record a step of another job; the large one is claimed in the same transaction."""
    done = far.claim(far.submit())

    def take() -> object:
        onward = Onward(lanes=ALL_LANES)
        written = codec.encode(FINISH.outcome)
        return far.records.record(done, FINISH, written=written, onward=onward).claimed

    return take


@pytest.mark.parametrize("prepare", [by_claim, by_record])
def test_a_frozen_reader_of_a_large_claim_holds_no_lock_of_its_job(
    world: World, wire: Wire, far: World, prepare: Callable[[World], Take]
) -> None:
    world.end_all()
    take = prepare(far)
    job = world.submit(said=LARGE)
    with ThreadPoolExecutor(1) as worker:
        wire.freeze()
        reading = worker.submit(take)
        try:
            is_claimed = _comes_true(lambda: world.step(job, 0) == "claimed")
            canceled = world.cancel(job)
        finally:
            wire.thaw()
        claimed = reading.result(timeout=30)
    assert (is_claimed, canceled) == (True, "canceling")
    assert isinstance(claimed, Claimed)
    assert not claimed.is_whole
    assert far.claims.whole(claimed).input == LARGE


def test_a_permit_does_not_send_back_what_its_asker_has(world: World) -> None:
    claimed = world.acting()
    for _ in range(2):
        asked = ask(world, claimed)
        assert asked.request == claimed.arguments
    sql = "select (ask_permit(%s, %s, 1, 1, 0, %s, 'pay', 'unsafe', %s, %s)).request"
    given = (claimed.arguments, digest(claimed.arguments))
    place = (world.tenant, claimed.job_id, key_of(claimed))
    assert world.one(sql, *place, *given) is None


def _comes_true(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.05)
    return False
