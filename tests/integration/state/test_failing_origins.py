"""However many origins fail, what is due for the others is found, and so are their own retries."""

from datetime import timedelta
from uuid import uuid4

import pytest

from agent_workers.state.webhooks.queue import WebhookQueue
from tests.integration.state.world import World

ORIGINS = 100_000
# An event, and one delivery of it to each of many origins whose last attempt failed.
_FAILING = """
with e as (
  insert into webhook_events (tenant_id, event_id, type, subject, data)
  values (%(tenant)s, gen_random_uuid(), 'job.succeeded', 'x', '{}') returning event_id),
t as (
  insert into webhook_targets (tenant_id, target_id, failing_since, failures, paused_until)
  select %(tenant)s, gen_random_uuid(), now(), 3, now() + %(paused)s::interval
    from generate_series(1, %(origins)s)
  returning target_id)
insert into webhook_deliveries (tenant_id, delivery_id, event_id, event_type, target_id, url,
                                tries, due_at, behind)
select %(tenant)s, gen_random_uuid(), event_id, 'job.succeeded', target_id, 'https://a.test/',
       %(tries)s, now() + %(due)s::interval, %(behind)s
  from t, e"""
_ONE = """
with e as (
  insert into webhook_events (tenant_id, event_id, type, subject, data)
  values (%(tenant)s, gen_random_uuid(), 'job.succeeded', 'y', '{}') returning event_id),
t as (
  insert into webhook_targets (tenant_id, target_id, answered_at)
  values (%(tenant)s, gen_random_uuid(), now()) returning target_id)
insert into webhook_deliveries (tenant_id, delivery_id, event_id, event_type, target_id, url,
                                behind, due_at)
select %(tenant)s, %(id)s, event_id, 'job.succeeded', target_id, 'https://b.test/',
       %(behind)s, now() - interval '1 hour' from t, e"""


def many(world: World, *, due: str, tries: int, behind: bool = True, paused: str = "0") -> None:
    given = {"tenant": world.tenant, "origins": ORIGINS, "due": due, "tries": tries}
    with world.database.connection() as connection:
        connection.execute(_FAILING.encode(), {**given, "behind": behind, "paused": paused})
        connection.execute("analyze webhook_deliveries")


def one(world: World, *, behind: bool) -> str:
    name = uuid4()
    with world.database.connection() as connection:
        given = {"tenant": world.tenant, "id": name, "behind": behind}
        connection.execute(_ONE.encode(), given)
    return str(name)


@pytest.fixture(autouse=True)
def _forgotten(world: World):
    yield
    with world.database.connection() as connection:
        connection.execute("truncate webhook_deliveries, webhook_targets, webhook_attempts")


def claimed(world: World) -> list[str]:
    queue = WebhookQueue(world.database, each=4, lease=timedelta(minutes=1))
    return [str(found.delivery_id) for found in queue.claim(16, unsure=16)]


@pytest.mark.parametrize("behind", [False, True])
def test_what_is_due_is_found_among_many_that_wait_for_their_next_attempt(
    world: World, *, behind: bool
) -> None:
    many(world, due="1 hour", tries=1)
    assert claimed(world) == []
    wanted = one(world, behind=behind)
    assert claimed(world) == [wanted]


def test_what_answers_is_found_among_many_failing_ones_that_are_due(world: World) -> None:
    many(world, due="0", tries=1)
    wanted = one(world, behind=False)
    found = claimed(world)
    assert wanted in found
    assert len(found) == 1 + 4, "four that fail are tried as well"


def test_new_events_for_many_paused_origins_hide_nobody(world: World) -> None:
    many(world, due="0", tries=0, behind=True, paused="1 hour")
    wanted = one(world, behind=False)
    assert claimed(world) == [wanted]


def test_what_is_due_for_a_paused_target_is_due_after_the_pause_in_the_same_order(
    world: World,
) -> None:
    """So that it does not stay at the head of what is due behind the others."""
    first, second = one(world, behind=True), one(world, behind=True)
    world.one("update webhook_deliveries set target_id = (select target_id from"
              " webhook_deliveries where delivery_id = %s)", first)  # fmt: skip
    world.one("update webhook_deliveries set due_at = due_at - interval '1 hour'"
              " where delivery_id = %s", second)  # fmt: skip
    world.one("update webhook_targets t set failing_since = now(), failures = 3,"
              " paused_until = now() + interval '1 hour' from webhook_deliveries d"
              " where d.delivery_id = %s and t.target_id = d.target_id", first)  # fmt: skip
    assert claimed(world) == []
    assert world.one("select count(*) from webhook_deliveries d join webhook_targets t"
                     " using (target_id) where d.due_at > t.paused_until") == 2  # fmt: skip
    assert world.one("select delivery_id::text from webhook_deliveries"
                     " order by due_at limit 1") == second  # fmt: skip


def test_what_is_due_for_a_target_that_recovers_stands_before_many_that_fail(world: World) -> None:
    many(world, due="-2 hours", tries=1)
    wanted = one(world, behind=True)
    world.one("select note_target(tenant_id, target_id, false, 0) from webhook_deliveries"
              " where delivery_id = %s", wanted)  # fmt: skip
    assert wanted not in claimed(world)
    world.one("select note_target(tenant_id, target_id, true, 0) from webhook_deliveries"
              " where delivery_id = %s", wanted)  # fmt: skip
    assert wanted in claimed(world)


def test_the_first_failure_puts_what_waits_for_a_target_behind(world: World) -> None:
    first, second = one(world, behind=False), one(world, behind=False)
    world.one("update webhook_deliveries set target_id = (select target_id from"
              " webhook_deliveries where delivery_id = %s)", first)  # fmt: skip
    world.one("select note_target(tenant_id, target_id, false, 0) from webhook_deliveries"
              " where delivery_id = %s", second)  # fmt: skip
    assert world.one("select count(*) from webhook_deliveries where behind") == 2
