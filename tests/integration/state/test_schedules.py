"""From due schedules to jobs: each tick once, whoever fires it, and what the policies say."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from agent_workers.domain.ids import SCHEDULE_ID, TenantId
from agent_workers.domain.schedules.schedule import (
    CatchUp,
    Overlap,
    ScheduleNotFound,
    ScheduleStatus,
    ScheduleType,
    run_name,
)
from agent_workers.domain.schedules.target import BatchTarget, JobTarget
from agent_workers.domain.schedules.ticks import MOST_AT_ONCE
from agent_workers.state.catalogue.agents import Agents, Registered
from agent_workers.state.schedules.firing_now import ScheduleTriggers
from tests.integration.state.schedule_world import HOUR, START, TARGET, Clockwork

NOON = START + 12 * HOUR
SECOND = timedelta(seconds=1)


def test_a_tick_becomes_one_job_that_says_where_it_comes_from(clock: Clockwork) -> None:
    schedule = clock.make()
    assert clock.fire(START - SECOND) == 0
    assert clock.fire(START) == 1
    assert clock.fire(START + SECOND) == 0
    [(job, status, hour)] = clock.jobs(schedule)
    assert (status, hour) == ("queued", 0)
    assert clock.world.claim(job).input == TARGET.input
    seen = clock.read(schedule)
    assert (seen.last_fire_at, seen.next_fire_at) == (START, START + HOUR)


def test_many_beats_at_once_fire_each_tick_once(clock: Clockwork) -> None:
    schedules = [clock.make(overlap=Overlap.ALLOW, catch_up=CatchUp.ALL) for _ in range(12)]
    with ThreadPoolExecutor(8) as beats:
        list(beats.map(lambda n: clock.fire(START + n % 3 * HOUR), range(24)))
    clock.fire(START + 2 * HOUR)
    assert [clock.hours(one) for one in schedules] == [[0, 1, 2]] * 12


def test_a_row_that_another_beat_holds_holds_up_nobody(clock: Clockwork) -> None:
    held, free = clock.make(), clock.make(since=START + SECOND, expression="1 * * * *")
    with clock.world.database.transaction() as frozen:
        frozen.execute(
            "select from schedules where schedule_id = %s for update", (held.schedule_id,)
        )
        clock.fire(START + HOUR / 2)
        assert (clock.hours(held), clock.hours(free)) == ([], [0])
    clock.fire(START + HOUR / 2)
    assert clock.hours(held) == [0]


def test_a_schedule_that_is_far_behind_lets_the_others_have_their_turn(clock: Clockwork) -> None:
    far = clock.make(overlap=Overlap.ALLOW, catch_up=CatchUp.ALL, expression="* * * * *")
    other = clock.make(since=NOON)
    clock.fire(NOON)
    assert len(clock.hours(far)) == MOST_AT_ONCE
    assert clock.hours(other) == [12]


def test_a_tick_that_was_moved_back_by_hand_does_not_fire_again(clock: Clockwork) -> None:
    schedule = clock.make(overlap=Overlap.ALLOW)
    clock.fire(START)
    clock.world.one(
        "update schedules set next_fire_at = %s where schedule_id = %s",
        *(START, schedule.schedule_id),
    )
    assert clock.fire(START) == 0
    assert clock.hours(schedule) == [0]


def test_a_retired_agent_fails_the_run_and_not_the_schedule(clock: Clockwork) -> None:
    agents = Agents(clock.world.database)
    job = clock.make(target=JobTarget(agent="retiring", input=b"{}"))
    items = [{"custom_id": "a", "agent": "retiring"}]
    batch = clock.make(target=BatchTarget(spec={"items": items}))
    agents.register(
        [Registered(name="retiring", version="", plan_timeout_ms=1000)],
        tenant_id=clock.world.tenant,
    )
    agents.retire(clock.world.tenant, "retiring")
    clock.fire(START)
    assert clock.runs(job) == clock.runs(batch) == [(0, "failed", "agent_retired")]
    assert clock.read(job).next_fire_at == START + HOUR


def test_once_is_completed_by_its_run(clock: Clockwork) -> None:
    schedule = clock.make(type=ScheduleType.ONCE, run_at=START)
    clock.fire(START)
    clock.fire(NOON)
    assert clock.read(schedule).status is ScheduleStatus.COMPLETED
    assert clock.hours(schedule) == [0]


def test_an_unknown_agent_fails_the_run_and_not_the_schedule(clock: Clockwork) -> None:
    schedule = clock.make(target=JobTarget(agent="nobody", input=b"{}"))
    clock.fire(START)
    assert clock.runs(schedule) == [(0, "failed", "unknown_agent")]
    assert clock.read(schedule).next_fire_at == START + HOUR


def test_a_key_that_somebody_else_has_used_fails_the_run(clock: Clockwork) -> None:
    schedule = clock.make()
    clock.world.one(
        "insert into idempotency_keys (tenant_id, key, fingerprint, job_id, expires_at)"
        " values (%s, %s, 'other', gen_random_uuid(), 'infinity')",
        *(clock.world.tenant, run_name(schedule.schedule_id, START).decode()),
    )
    clock.fire(START)
    assert clock.runs(schedule) == [(0, "failed", "idempotency_key_reused")]


def test_a_budget_that_is_used_up_fails_the_run_and_not_the_schedule(clock: Clockwork) -> None:
    clock.world.one(
        "insert into budgets (tenant_id, budget_id, limit_micro) values (%s, 'all', 10)",
        clock.world.tenant,
    )
    schedule = clock.make(target=replace(TARGET, max_cost_micro=1_000))
    clock.fire(START)
    assert clock.runs(schedule) == [(0, "failed", "budget_exceeded")]


def test_a_schedule_that_cannot_be_fired_does_not_stop_the_others(clock: Clockwork) -> None:
    odd = clock.make()
    clock.world.one(
        "update schedules set timezone = 'Mars/Olympus' where schedule_id = %s", odd.schedule_id
    )
    sound = clock.make(since=START + timedelta(minutes=1))
    clock.fire(START + HOUR)
    assert (clock.hours(odd), clock.hours(sound)) == ([], [1])


def test_a_paused_schedule_fires_nothing_until_it_is_resumed(clock: Clockwork) -> None:
    schedule = clock.make()
    paused = clock.schedules.move(schedule, ScheduleStatus.PAUSED, next_fire_at=None)
    assert paused is not None
    assert clock.fire(NOON) == 0
    assert clock.schedules.move(schedule, ScheduleStatus.PAUSED, next_fire_at=None) is None
    clock.schedules.move(paused, ScheduleStatus.ACTIVE, next_fire_at=NOON + HOUR)
    clock.fire(NOON + HOUR)
    assert clock.hours(schedule) == [13]


def test_a_trigger_fires_now_whatever_the_time(clock: Clockwork) -> None:
    schedule = clock.make(overlap=Overlap.SKIP)
    place = (clock.world.tenant, schedule.schedule_id)
    triggers = ScheduleTriggers(clock.world.database)
    asked = [None, None, Overlap.ALLOW]
    made = [triggers.trigger(place, overlap, fingerprint=b"") for overlap in asked]
    assert [one.fired.states for one in made if one.fired] == [
        ("started",),
        ("skipped",),
        ("started",),
    ]
    with pytest.raises(ScheduleNotFound):
        triggers.trigger((TenantId("somebody else"), place[1]), None, fingerprint=b"")


def test_a_batch_can_be_the_target(clock: Clockwork) -> None:
    items = [{"custom_id": str(n), "agent": "demo", "input": {"n": n}} for n in range(3)]
    schedule = clock.make(target=BatchTarget(spec={"concurrency": 2, "items": items}))
    clock.fire(START)
    clock.fire(START + HOUR)
    assert clock.runs(schedule) == [(0, "started", None), (1, "skipped", "overlap")]
    counted = "select item_count, metadata->>'scheduled_at' from batches where tenant_id = %s"
    assert clock.world.one(counted, clock.world.tenant) == (3, "2031-03-03T00:00:00Z")
    clock.world.one("delete from batch_items where tenant_id = %s", clock.world.tenant)


def test_whoever_wants_to_know_hears_of_a_skipped_tick(clock: Clockwork) -> None:
    clock.world.one(
        "insert into webhook_endpoints (tenant_id, endpoint_id, url, event_types)"
        " values (%s, gen_random_uuid(), 'https://example.com/', '{schedule.*}')",
        clock.world.tenant,
    )
    schedule = clock.make(overlap=Overlap.SKIP)
    clock.fire(START)
    clock.fire(START + HOUR)
    told = clock.world.one(
        "select type, subject, data->>'skip_reason' from webhook_events where tenant_id = %s",
        clock.world.tenant,
    )
    wire = SCHEDULE_ID.written(schedule.schedule_id)
    assert told == ("schedule.skipped", wire, "overlap")


def test_what_is_deleted_does_not_fire(clock: Clockwork) -> None:
    schedule = clock.make()
    clock.fire(START)
    place = (clock.world.tenant, schedule.schedule_id)
    clock.schedules.delete(place)
    assert clock.fire(NOON) == 0
    assert clock.hours(schedule) == [0]
    with pytest.raises(ScheduleNotFound):
        clock.schedules.delete(place)


def test_a_change_is_refused_to_whoever_saw_an_older_version(clock: Clockwork) -> None:
    seen = clock.make()
    status = ScheduleStatus.ACTIVE
    how: dict[str, Any] = {"status": status, "refire": False, "next_fire_at": None}
    changed = clock.schedules.change(seen, replace(seen.terms, name="first"), **how)
    assert changed is not None
    assert changed.version == 2
    assert changed.next_fire_at == seen.next_fire_at
    assert clock.schedules.change(seen, replace(seen.terms, name="second"), **how) is None


def test_a_key_makes_one_schedule(clock: Clockwork) -> None:
    terms, place = clock.make().terms, (clock.world.tenant, uuid4())
    how: dict[str, Any] = {"next_fire_at": NOON, "key": "k", "fingerprint": b"f"}
    first = clock.schedules.create(place, terms, **how)
    second = clock.schedules.create((place[0], uuid4()), terms, **how)
    assert (first.replayed, second.replayed) == (False, True)
    assert second.schedule == first.schedule
