"""Stopping a job while a right to act is out: no end without evidence or doubt."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from agent_workers.domain.decision import TryAgain
from agent_workers.domain.effect import EffectClass, Says
from tests.integration.state.acting import allow, effect, known, say
from tests.integration.state.invariants import broken
from tests.integration.state.world import AGAIN, World

QUIET = TryAgain(delay=timedelta(0), code="quiet", message="a permit may act", counts=False)


@pytest.fixture(autouse=True)
def _whole(world: World) -> Iterator[None]:
    yield
    assert broken(world.database) == {}


def test_an_unclear_reply_while_the_job_is_being_canceled_is_a_doubt(world: World) -> None:
    claimed = world.acting()
    allow(world, claimed)
    assert world.cancel(claimed.job_id) == "canceling"
    say(world, claimed, Says.UNKNOWN)
    world.record(claimed, AGAIN)
    assert world.status(claimed.job_id) == "canceled"
    assert effect(world, claimed) == "in_doubt"


def test_who_waits_for_a_quiet_permit_leaves_a_doubt_when_the_job_is_canceled(
    world: World,
) -> None:
    claimed = world.acting(EffectClass.RECONCILABLE)
    allow(world, claimed)
    world.expire(claimed)
    world.sweeps.expired()
    second = world.claim(claimed.job_id, 1)
    assert known(world, second).quiet_after is not None
    world.cancel(claimed.job_id)
    world.record(second, QUIET)
    assert (world.status(claimed.job_id), effect(world, claimed)) == ("canceled", "in_doubt")


def test_a_step_given_back_while_its_job_is_canceled_leaves_a_doubt(world: World) -> None:
    claimed = world.acting()
    allow(world, claimed)
    world.cancel(claimed.job_id)
    assert world.records.stand_down(claimed) == "canceled"
    assert effect(world, claimed) == "in_doubt"
    say(world, claimed, Says.HAPPENED, result=b"1")
    assert effect(world, claimed) == "done"
