"""Schedules are fired by turns of their tenants: the many of one do not make another's wait."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from agent_workers.domain.claim import Due
from agent_workers.domain.ids import TenantId
from agent_workers.domain.schedules.schedule import Overlap, ScheduleType
from agent_workers.orchestration.requests.schedules import Firing
from tests.integration.state.schedule_world import START, TARGET, Clockwork
from tests.integration.state.world import World

EACH_SECOND: dict[str, Any] = {
    "type": ScheduleType.INTERVAL,
    "interval_s": 1,
    "start_at": START,
    "overlap": Overlap.ALLOW,
}
SECOND = timedelta(seconds=1)


def of(clockwork: Clockwork, name: str) -> Clockwork:
    world = clockwork.world
    return Clockwork(World(world.database, TenantId(f"{world.tenant}-{name}")))


def fired(clockwork: Clockwork, at_s: int) -> list[TenantId]:
    """Whose jobs were rung for, in their order."""
    order: list[TenantId] = []

    def ring(due: Iterable[Due], *, parent: str | None) -> None:
        assert parent is None
        order.extend(one.tenant_id for one in due)

    Firing(clockwork.firing, ring=ring).fire_all(now=START + at_s * SECOND)
    return order


def test_a_tenant_with_many_that_are_due_makes_no_other_wait(clock: Clockwork) -> None:
    flood, honest = of(clock, "flood"), of(clock, "honest")
    for _ in range(60):
        flood.make(**EACH_SECOND)
    honest.make(since=START + SECOND, **EACH_SECOND)
    order = fired(clock, 1)
    assert len(order) == 121
    assert order.index(honest.world.tenant) <= 20


def test_what_was_missed_is_caught_up_by_turns_as_well(clock: Clockwork) -> None:
    flood, honest = of(clock, "flood"), of(clock, "honest")
    for _ in range(3):
        flood.make(**EACH_SECOND)
    honest.make(since=START + 30 * SECOND, **EACH_SECOND)
    order = fired(clock, 30)
    assert len(order) == 3 * 31 + 1
    assert order.index(honest.world.tenant) == 31


def test_a_run_that_waited_is_not_behind_all_that_is_due(clock: Clockwork) -> None:
    flood, honest = of(clock, "flood"), of(clock, "honest")
    waiting = honest.make(overlap=Overlap.QUEUE)
    fired(clock, 0)
    fired(clock, 3600)
    for _ in range(60):
        flood.make(since=START + 3600 * SECOND, **EACH_SECOND)
    honest.end(honest.jobs(waiting)[0][0])
    order = fired(clock, 3600)
    assert len(order) == 61
    assert order.index(honest.world.tenant) <= 20


def test_what_ends_other_runs_or_belongs_to_a_session_is_fired_alone(clock: Clockwork) -> None:
    made = [
        clock.make(**EACH_SECOND),
        clock.make(**EACH_SECOND | {"overlap": Overlap.CANCEL_RUNNING}),
        clock.make(**EACH_SECOND, target=replace(TARGET, session_id="s")),
        clock.make(**EACH_SECOND),
    ]
    these = [one.schedule_id for one in made]
    now, sizes = START + SECOND, []
    while batch := clock.firing.fire(clock.world.tenant, these, now=now):
        sizes.append(len(batch))
    assert sum(sizes) == 4
    assert max(sizes) <= 2
    assert sizes.count(1) >= 2
