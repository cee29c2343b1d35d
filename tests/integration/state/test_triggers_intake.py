"""Events start jobs once, whatever is delivered again, at the same time, or not at all an event."""

import threading
import tracemalloc
from typing import Any

import pytest

from agent_workers.domain.triggers.event import event_of
from agent_workers.domain.triggers.message import BATCH
from agent_workers.domain.triggers.trigger import Trigger
from agent_workers.orchestration.triggers.arriving import Arrived, dead
from agent_workers.orchestration.triggers.intake import Intake
from agent_workers.state.database.engine import Database
from agent_workers.state.triggers.dead_letters import Letters, LetterState
from agent_workers.state.triggers.rows import Triggers
from tests.integration.bus.ingest_world import Bell, ask, event, intake, jobs, message, trigger
from tests.integration.state.world import World


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def takes(database: Database, bell: Bell) -> Intake:
    return intake(database, bell)


def rule(world: World, **given: Any) -> Trigger:
    return Triggers(world.database).create(world.tenant, trigger(**given))


def arrived(*numbers: int, **given: Any) -> list[Arrived]:
    events = [event(number, **given) for number in numbers]
    return [Arrived(message=message(e), origin="test", events=[event_of(e)]) for e in events]


def batch(*numbers: int, **given: Any) -> Arrived:
    """Return one message with these events."""
    events = [event(number, **given) for number in numbers]
    return Arrived(
        message=message(events, BATCH), origin="test", events=[event_of(one) for one in events]
    )


def test_an_event_starts_a_job_for_each_trigger_that_wants_it(
    world: World, takes: Intake, bell: Bell
) -> None:
    for name, where in (
        ("all", ()),
        ("large", ("data.order > 100",)),
        ("small", ("data.order < 9",)),
    ):
        rule(world, name=name, where=where, template={"order": "${data.order}"})
    [receipt] = takes.take(world.tenant, batch(7))
    assert sorted(one.trigger.name for one in receipt.started) == ["all", "small"]
    assert {one.job_id for one in bell.rung} == {one.job_id for one in receipt.started}
    job = receipt.started[0].job_id
    assert bytes(world.job(job, "input")) == b'{"order": 7}'
    assert world.job(job, "metadata ->> 'event_id'") == "e-7"


def test_a_redelivered_event_starts_nothing_twice(world: World, takes: Intake, bell: Bell) -> None:
    rule(world)
    [first] = takes.take(world.tenant, batch(1))
    again, twin, new = takes.take(world.tenant, batch(1, 1, 2, data="other"))
    assert [one.job_id for one in again.started] == [one.job_id for one in first.started]
    assert again.started[0].replayed
    assert twin.started[0].replayed
    assert not new.started[0].replayed
    assert len(bell.rung) == jobs(world.database, world.tenant) == 2


def test_a_thousand_events_three_times_each_in_four_streams_are_a_thousand_jobs(
    world: World, takes: Intake
) -> None:
    rule(world)
    deliveries = list(range(1_000)) * 3
    streams = [deliveries[at::4] for at in range(4)]

    def consume(stream: list[int]) -> None:
        for at in range(0, len(stream), 50):
            takes.take_each(world.tenant, arrived(*stream[at : at + 50]))

    threads = [threading.Thread(target=consume, args=(stream,)) for stream in streams]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert jobs(world.database, world.tenant) == 1_000


def test_poison_is_kept_with_the_jobs_of_its_neighbours(world: World, takes: Intake) -> None:
    rule(world)
    sick = message(b"{", "application/json")
    letter = dead(sick, origin="test", code="invalid_event", detail="no JSON: \0 \ud800")
    poison = Arrived(message=sick, origin="test", letter=letter)
    takes.take_each(world.tenant, [*arrived(1), poison, *arrived(2)])
    takes.take_each(world.tenant, [poison])
    assert jobs(world.database, world.tenant) == 2
    [listed] = Letters(world.database).page(world.tenant)
    assert (listed.times, listed.size, listed.state) == (2, 1, LetterState.DEAD)
    seen = Letters(world.database).one(world.tenant, listed.letter_id)
    assert seen is not None
    assert seen.message == sick


def test_a_template_that_cannot_be_filled_is_a_dead_letter(world: World, takes: Intake) -> None:
    rule(world, name="good")
    rule(world, name="bad", template="${data.absent}")
    [receipt] = takes.take(world.tenant, batch(3))
    assert [one.trigger.name for one in receipt.started] == ["good"]
    assert list(receipt.mistakes) == ["bad"]
    [seen] = Letters(world.database).page(world.tenant)
    assert seen.code == "template_failed"


def test_a_budget_that_is_used_up_stops_its_own_event_only(world: World, takes: Intake) -> None:
    world.one(
        "insert into budgets (tenant_id, budget_id, limit_micro) values (%s, 'all', 15)",
        world.tenant,
    )
    rule(world, name="dear", types=("dear",), max_cost_micro=10)
    rule(world, name="free", types=("order.paid",))
    takes.take_each(world.tenant, [*arrived(1, 2, type="dear"), *arrived(3)])
    assert jobs(world.database, world.tenant) == 2
    [seen] = Letters(world.database).page(world.tenant)
    assert seen.code == "budget_exceeded"


def test_a_disabled_trigger_starts_nothing(world: World, takes: Intake) -> None:
    rule(world, enabled=False)
    [receipt] = takes.take(world.tenant, batch(1))
    assert (receipt.started, receipt.mistakes) == ([], {})


def test_an_event_of_one_tenant_starts_nothing_of_another(world: World, takes: Intake) -> None:
    rule(world)
    other = World(world.database, type(world.tenant)("another"))
    takes.take(other.tenant, batch(1))
    assert ask(world.database, "select count(*) from jobs where tenant_id = 'another'") == 0


def test_what_every_event_and_every_list_reads_holds_no_template_and_no_body(
    world: World, takes: Intake
) -> None:
    """Each is of a megabyte here, so Python would hold it."""
    large = rule(world, where=("id != '1'",), template={"k" * 1_000_000: 1})
    sick = message(b"x" * 1_000_000)
    letter = dead(sick, origin="test", code="invalid_event", detail="")
    takes.take_each(world.tenant, [Arrived(message=sick, origin="test", letter=letter)])
    tracemalloc.start()
    try:
        [selector] = Triggers(world.database).selectors(world.tenant)
        [listed] = Letters(world.database).page(world.tenant)
        assert tracemalloc.get_traced_memory()[1] < 300_000
    finally:
        tracemalloc.stop()
    assert (selector.where, listed.size) == (large.where, 1_000_000)
    assert Triggers(world.database).enabled(world.tenant, {selector.trigger_id}) == [large]
