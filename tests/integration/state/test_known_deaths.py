"""A process that is known to be gone acts no more: its permits are quiet sooner."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from agent_workers.domain.claim import Claimed
from agent_workers.domain.effect import EffectClass
from tests.integration.state.acting import allow, known, rules
from tests.integration.state.invariants import broken
from tests.integration.state.test_lost_workers import alive, wait_until_unlocked
from tests.integration.state.world import World

WITH_PERMITS = [EffectClass.KEYED, EffectClass.RECONCILABLE, EffectClass.UNSAFE]
SOON = timedelta(seconds=5)


@pytest.fixture(autouse=True)
def _alone(world: World) -> Iterator[None]:
    world.end_all()
    world.one("delete from suspicions")
    world.one("delete from workers")
    yield
    assert broken(world.database) == {}


def lost(world: World, cls: EffectClass) -> Claimed:
    """Let a worker lose its lock while it holds a permit."""
    with alive(world):
        claimed = world.acting(cls)
        allow(world, claimed)
    wait_until_unlocked(world)
    return claimed


def quiet_in(world: World, claimed: Claimed) -> timedelta:
    second = world.claim(claimed.job_id, 1)
    quiet_after = known(world, second).quiet_after
    assert quiet_after is not None
    return quiet_after - world.now()


@pytest.mark.parametrize("cls", WITH_PERMITS)
def test_its_permits_are_quiet_once_what_it_sent_can_be_seen(
    world: World, cls: EffectClass
) -> None:
    claimed = lost(world, cls)
    world.sweeps.lost([world.worker])
    settle = rules(cls).settle
    assert settle - SOON < quiet_in(world, claimed) <= settle


@pytest.mark.parametrize("cls", WITH_PERMITS)
def test_a_lost_lock_or_lease_proves_no_death(world: World, cls: EffectClass) -> None:
    claimed = lost(world, cls)
    world.sweeps.lost([])
    world.expire(claimed)
    world.sweeps.expired()
    assert quiet_in(world, claimed) > rules(cls).quiet_time - SOON


def test_permits_of_others_are_left_alone(world: World) -> None:
    claimed = lost(world, EffectClass.RECONCILABLE)
    world.one("update permits set worker_id = gen_random_uuid() where effect_key in (select"
              " effect_key from effects where job_id = %s)", claimed.job_id)  # fmt: skip
    world.sweeps.lost([world.worker])
    assert quiet_in(world, claimed) > rules(EffectClass.RECONCILABLE).quiet_time - SOON
