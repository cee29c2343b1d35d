"""No tenant takes the last places of a process that others use too."""

from collections.abc import Sequence
from uuid import UUID

from typing_extensions import override

from agent_workers.domain.claim import Due
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.step import Lane
from agent_workers.orchestration.steps.advance import Driver
from agent_workers.state.steps.claims import Claims
from agent_workers.worker.delivery import Busy, Deliveries
from agent_workers.worker.places import Places

ONE, OTHER = TenantId("one"), TenantId("other")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def places(slots: int, clock: Clock | None = None) -> Places:
    """One was here first, then the other."""
    made = Places(slots=slots, clock=clock or Clock())
    for tenant in (ONE, OTHER):
        made.take(tenant)
        made.leave(tenant)
    return made


def most(of: Places, tenant: TenantId) -> int:
    """How many places this tenant gets when it asks for all of them, one after the other."""
    for got in range(of.slots):
        of.take(tenant)
        if tenant in of.barred(tenant):
            of.leave(tenant)
            return got
    return of.slots


def test_one_tenant_leaves_a_quarter_free_where_others_come_too() -> None:
    assert [most(places(slots), ONE) for slots in (4, 8, 32)] == [3, 6, 24]


def test_what_is_left_is_for_others_who_share_it_in_the_same_way() -> None:
    shared = places(32)
    assert most(shared, ONE) == 24
    assert most(shared, OTHER) == 6


def test_a_place_that_comes_free_is_taken_again_by_who_had_it() -> None:
    shared = places(4)
    most(shared, ONE)
    assert shared.barred(ONE) == ()


def test_few_places_are_never_left_free() -> None:
    assert [most(places(slots), ONE) for slots in (1, 2, 3)] == [1, 2, 3]


def test_who_is_alone_has_all_places() -> None:
    assert most(Places(slots=8), ONE) == 8


def test_who_has_been_alone_for_an_hour_has_all_places_again() -> None:
    clock = Clock()
    shared = places(8, clock)
    clock.now = 3_601.0
    assert most(shared, OTHER) == 8


class Idle(Driver):
    def __init__(self) -> None:
        pass


class Asked(Claims):
    """Notes whom a delivery may not serve, and finds nothing."""

    def __init__(self) -> None:
        self.barred: list[tuple[TenantId, ...]] = []

    @override
    def nudged(self, *_: object, barred: Sequence[TenantId] = (), **__: object) -> None:
        self.barred.append(tuple(barred))


def nobody(due: Sequence[Due], *, parent: str | None) -> None:
    del due, parent


def test_a_delivery_asks_for_nobody_who_has_enough_and_leaves_its_place() -> None:
    busy, asked = Busy(slots=4), Asked()
    deliveries = Deliveries(
        lanes=[Lane.PLAN],
        driver=Idle(),
        claims=asked,
        ring=nobody,
        busy=busy,
        stopping=lambda: False,
    )
    for tenant in (OTHER, ONE, ONE, ONE):
        busy.places.take(tenant)
    busy.places.leave(OTHER)
    for tenant in (ONE, OTHER, ONE):
        deliveries.deliver(tenant, JobId(UUID(int=1)), 0, task_id=None)
    assert asked.barred == [(ONE,)] * 3
    busy.places.leave(ONE)
    deliveries.deliver(ONE, JobId(UUID(int=1)), 0, task_id=None)
    assert asked.barred[-1] == ()
