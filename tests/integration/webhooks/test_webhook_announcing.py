"""What is announced, in the transaction in which it happens, and what is not."""

import json

import psycopg
import pytest

from tests.integration.state.acting import allow, doubt
from tests.integration.state.sticking import SKIP, S, agent, in_doubt, look, submit
from tests.integration.state.waiting import engaging, park, person
from tests.integration.state.world import FINISH
from tests.integration.webhooks.posting import Posting


def test_a_job_that_ends_by_a_record_announces_it_too(posting: Posting):
    posting.endpoint("ok", payload="full")
    job = posting.submit()
    posting.world.record(posting.world.claim(job), FINISH)
    assert posting.world.status(job) == "succeeded"
    posting.carry()
    data = json.loads(posting.receiver.requests[0].body)["data"]
    assert data["status"] == "succeeded"
    assert data["output"] == "done"
    assert data["sequence"] == posting.world.job(job, "journal_number")


def test_a_tenant_without_endpoints_writes_nothing(posting: Posting):
    posting.ended()
    sql = "select count(*) from webhook_events where tenant_id = %s"
    assert posting.world.one(sql, posting.world.tenant) == 0


def test_what_is_rolled_back_was_never_announced(posting: Posting):
    posting.endpoint("ok")
    job = posting.submit()
    stop = "select stop_job(%s, %s, 'canceled', null, 'enough', false), pg_sleep(0), 1 / %s"
    with pytest.raises(psycopg.errors.DivisionByZero):
        posting.world.one(stop, posting.world.tenant, job, 0)
    assert posting.world.status(job) == "queued"
    assert posting.statuses() == []


def test_doubt_is_announced_with_its_effect(posting: Posting):
    posting.endpoint("ok", "job.in_doubt")
    claimed = posting.world.acting()
    key = allow(posting.world, claimed)
    assert doubt(posting.world, claimed, "silence") == "in_doubt"
    posting.carry()
    data = json.loads(posting.receiver.requests[0].body)["data"]
    assert (data["id"], data["status"]) == (f"job_{claimed.job_id.hex}", "in_doubt")
    assert data["detail"] == {"position": 1, "effect_key": str(key), "reason": "silence"}


def test_quarantine_is_announced(posting: Posting):
    posting.endpoint("ok", "job.quarantined")
    world = posting.world
    job = posting.submit()
    for _ in range(3):
        world.expire(world.claim(job))
        world.sweeps.expired()
    assert world.status(job) == "quarantined"
    posting.carry()
    event = json.loads(posting.receiver.requests[0].body)
    assert (event["type"], event["data"]["status"]) == ("job.quarantined", "quarantined")


def test_a_question_is_announced_with_the_key_to_its_answer(posting: Posting):
    posting.endpoint("ok", "job.waiting")
    claimed = engaging(posting.world)
    park(posting.world, claimed, person("sure", None, "yes"))
    posting.carry()
    event = json.loads(posting.receiver.requests[0].body)
    assert (event["type"], event["data"]["status"]) == ("job.waiting", "waiting")
    prompt = {"question": "Sure?", "choices": ["yes"]}
    assert event["data"]["detail"] == {"position": 1, "key": "sure", "prompt": prompt}


def test_a_budget_that_runs_low_is_announced(posting: Posting):
    posting.endpoint("ok", "budget.low")
    world = posting.world
    world.one(
        "insert into budgets (tenant_id, budget_id, limit_micro) values (%s, 'all', 100)",
        world.tenant,
    )
    for amount in (50, 35, 5):
        world.submit(allowance=amount)
    posting.carry()
    (told,) = posting.receiver.requests
    data = json.loads(told.body)["data"]
    assert (data["id"], data["object"], data["reserved_micro"]) == ("all", "budget", 85)


def test_a_doubt_that_a_cancel_leaves_behind_is_announced_before_the_end(posting: Posting):
    posting.endpoint("ok")
    claimed = posting.world.acting()
    allow(posting.world, claimed)
    assert posting.world.cancel(claimed.job_id) == "canceling"
    assert doubt(posting.world, claimed) == "canceled"
    posting.carry()
    told = {json.loads(one.body)["type"] for one in posting.receiver.requests}
    assert told == {"job.in_doubt", "job.canceled"}


def test_a_stuck_turn_is_announced_once_with_its_job_and_those_that_wait(posting: Posting):
    posting.endpoint("ok", "session.stuck")
    world = posting.world
    job = submit(world, agent(world, SKIP, seconds=60))
    in_doubt(world, job)
    for _ in range(2):
        submit(world)
        look(world)
    posting.carry()
    (told,) = posting.receiver.requests
    event = json.loads(told.body)
    assert event["type"] == "session.stuck"
    data = event["data"]
    assert data["since"] < data.pop("until")
    del data["since"]
    assert data == {
        "id": S,
        "object": "session",
        "session_id": S,
        "job_id": f"job_{job.hex}",
        "status": "in_doubt",
        "waiting": 1,
        "policy": "skip",
        "url": f"/v1/sessions/{S}",
    }
