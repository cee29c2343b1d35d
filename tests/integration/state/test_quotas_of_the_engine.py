"""A quota refuses what is asked for; what was admitted begins and ends all the same."""

import os
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

from agent_workers.domain.claim import HALT
from agent_workers.domain.errors import QuotaReached
from agent_workers.domain.ids import JobId, TenantId, time_ordered
from agent_workers.domain.job import Submission
from agent_workers.domain.schedules.schedule import Overlap, ScheduleType
from agent_workers.domain.schedules.target import BatchTarget
from agent_workers.domain.tools.tool import Statement
from agent_workers.state.access.quotas import Quotas
from agent_workers.state.jobs.submissions import Asked, Pace, Submissions
from tests.integration.state.batching import Batched, items
from tests.integration.state.schedule_world import START, TARGET, Clockwork
from tests.integration.state.world import JOIN, RAN, World, use

ITEM = {"custom_id": "a", "agent": "demo", "input": "x"}


def asked(tenant: TenantId, session: str = "") -> Asked:
    job_id = JobId(time_ordered(time.time_ns() // 1_000_000, os.urandom(10)))
    submission = Submission(tenant_id=tenant, job_id=job_id, agent="demo", input=b'"x"')
    pace = Pace(plan_timeout_ms=1_000, plan_hold_micro=0)
    return replace(submission, session_id=session), pace


def test_who_is_refused_takes_nobody_along(world: World) -> None:
    full = TenantId(f"{world.tenant}-full")
    Quotas(world.database).set(full, "sessions", 0)
    stored = Submissions(world.database).many(
        [asked(world.tenant), asked(full, "s"), asked(world.tenant)]
    )
    assert [isinstance(one, QuotaReached) for one in stored] == [False, True, False]
    assert world.one("select count(*) from jobs where tenant_id = %s", world.tenant) == 2
    assert world.one("select count(*) from jobs where tenant_id = %s", full) == 0
    world.end_all()


def test_a_batch_whose_items_begin_sessions_ends_though_there_may_be_no_more(world: World) -> None:
    batch = Batched(world, concurrency=1)
    Quotas(world.database).set(world.tenant, "sessions", 1)
    batch.run([replace(one, options={"session_id": one.custom_id}) for one in items(3)])
    for _ in range(3):
        [job] = batch.live()
        batch.end(job)
    assert batch.status == "completed"


def test_a_run_that_finds_no_room_fails_and_the_schedules_of_others_are_fired(world: World) -> None:
    full, other = Clockwork(world), Clockwork(World(world.database, TenantId(f"{world.tenant}-o")))
    Quotas(world.database).set(world.tenant, "batches", 0)
    Quotas(world.database).set(world.tenant, "sessions", 0)
    terms: dict[str, Any] = {
        "type": ScheduleType.INTERVAL,
        "interval_s": 3600,
        "start_at": START,
        "overlap": Overlap.ALLOW,
    }
    made = [
        full.make(target=BatchTarget(spec={"concurrency": 2, "items": [ITEM]}), **terms),
        full.make(target=replace(TARGET, session_id="new"), **terms),
    ]
    others = other.make(since=START + timedelta(hours=1), **terms)
    full.fire(START + timedelta(hours=1))
    for schedule in made:
        assert full.runs(schedule)[-1] == (1, "failed", "quota_reached")
    assert len(other.jobs(others)) == 1
    full.forget_all()
    world.end_all()


def test_a_statement_of_a_tool_that_finds_no_room_is_a_refusal_in_words(world: World) -> None:
    Quotas(world.database).set(world.tenant, "sessions", 0)
    job = world.submit()
    world.plan(job, use())
    claimed = world.claim(job, 1)
    sql = "insert into sessions (tenant_id, session_id) values (%(tenant)s, 's')"
    statement = Statement(sql=sql, parameters={"tenant": world.tenant})
    said = world.records.record_with(claimed, JOIN, [statement], written=RAN.result, onward=HALT)
    assert isinstance(said, str)
    assert "reached its quota of sessions" in said
    world.cancel(job)
