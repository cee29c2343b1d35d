"""A tenant that keeps as much as it may is refused what it asks for; what was admitted goes on."""

import pytest

from agent_workers.domain.errors import KeepsTooMuch
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.state.access.quotas import Quotas
from agent_workers.state.jobs.submissions import Submissions
from agent_workers.state.triggers.dead_letters import Letters
from tests.integration.bus.ingest_world import Bell, intake
from tests.integration.state.batching import Batched, items
from tests.integration.state.keeping import count, fill
from tests.integration.state.schedule_world import START, TARGET, Clockwork
from tests.integration.state.test_quotas import ROWS, run
from tests.integration.state.test_quotas_of_the_engine import asked
from tests.integration.state.test_triggers_intake import arrived, batch, rule
from tests.integration.state.waiting import child, child_id, engaging, event, know_agent, park, send
from tests.integration.state.world import AGAIN, FINISH, World


def test_a_job_is_refused_in_words_and_those_of_others_are_stored_together(world: World) -> None:
    full, fuller = (TenantId(f"{world.tenant}-{name}") for name in ("full", "fuller"))
    Quotas(world.database).set(full, "bytes", 0)
    fill(world.database, fuller)
    stored = Submissions(world.database).many(
        [asked(world.tenant), asked(full), asked(fuller), asked(world.tenant), asked(full)]
    )
    refused = [isinstance(one, KeepsTooMuch) for one in stored]
    assert refused == [False, True, True, False, True]
    assert (
        world.one("select count(distinct created_at) from jobs where tenant_id = %s", world.tenant)
        == 1
    )
    world.end_all()


def test_the_quota_is_reached_by_what_has_been_counted(world: World) -> None:
    Quotas(world.database).set(world.tenant, "bytes", 20 << 10)
    job = world.submit(said=30_000 * b"i")
    count(world.database)
    with pytest.raises(KeepsTooMuch, match="this tenant has reached its storage quota: 20 KiB"):
        world.submit()
    Quotas(world.database).set(world.tenant, "bytes", None)
    world.record(world.claim(job), FINISH)
    world.record(world.claim(world.submit()), FINISH)


def test_what_was_admitted_runs_to_its_end_and_starts_its_children(world: World) -> None:
    know_agent(world)
    claimed = engaging(world)
    fill(world.database, world.tenant)
    wait = child()
    park(world, claimed, wait)
    world.record(world.claim(child_id(wait)), FINISH)
    world.record(world.claim(JobId(claimed.job_id), 1), AGAIN)
    world.end_all()


def test_events_are_taken_while_somebody_waits_for_them(world: World) -> None:
    claimed = engaging(world)
    park(world, claimed, event())
    fill(world.database, world.tenant)
    assert send(world, claimed.job_id).taken
    with pytest.raises(KeepsTooMuch):
        send(world, claimed.job_id)
    world.end_all()


def test_a_batch_that_was_taken_goes_on_and_takes_no_more_items(world: World) -> None:
    batch, late = Batched(world, concurrency=1), Batched(world, concurrency=1)
    batch.run(items(2))
    fill(world.database, world.tenant)
    with pytest.raises(KeepsTooMuch):
        late.create(items(1), start=False)
    for _ in range(2):
        [job] = batch.live()
        batch.end(job)
    assert batch.status == "completed"


@pytest.mark.parametrize("kind", ["knowledge_documents"])
def test_knowledge_is_refused(world: World, kind: str) -> None:
    fill(world.database, world.tenant)
    with pytest.raises(KeepsTooMuch):
        run(world.database, f"insert into {ROWS[kind]}", world.tenant, "a")


def test_a_run_of_a_schedule_fails(world: World) -> None:
    clockwork = Clockwork(world)
    fill(world.database, world.tenant)
    schedule = clockwork.make(target=TARGET, start_at=START, since=START)
    clockwork.fire(START)
    assert clockwork.runs(schedule)[-1][1:] == ("failed", "quota_reached")
    clockwork.forget_all()


def test_an_event_from_a_queue_becomes_a_dead_letter(world: World) -> None:
    rule(world)
    fill(world.database, world.tenant)
    takes = intake(world.database, Bell())
    with pytest.raises(KeepsTooMuch):
        takes.take(world.tenant, batch(1))
    takes.take_each(world.tenant, arrived(1))
    [letter] = Letters(world.database).page(world.tenant)
    assert letter.code == "quota_reached"


def test_a_transaction_of_somebody_s_own_is_not_refused(world: World) -> None:
    know_agent(world)
    fill(world.database, world.tenant)
    world.one("select enqueue('demo', '{}', tenant => %s)", world.tenant)
    world.end_all()
