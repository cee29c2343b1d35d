"""From the end of a job to the receiver: written with the end, signed anew, told at least once."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import standardwebhooks

from agent_workers.domain.job import JobStatus
from agent_workers.domain.webhooks.webhook import Again, Delivered, Disabled, GivenUp
from agent_workers.state.webhooks.endpoints import EndpointChange
from tests.integration.webhooks.posting import Posting


def test_the_end_of_a_job_is_told_to_who_wants_it(posting: Posting):
    wanting = posting.endpoint("ok", "job.*")
    posting.endpoint("other", "batch.*")
    job = posting.ended()
    assert posting.carry() == [Delivered()]
    told = posting.receiver.requests
    assert [one.path for one in told] == ["/ok"]
    verifier = standardwebhooks.Webhook(posting.secret(wanting.endpoint_id))
    event = verifier.verify(told[0].body, told[0].headers)
    assert event["type"] == "job.canceled"
    assert event["data"]["id"] == f"job_{job.hex}"
    assert event["data"]["status"] == JobStatus.CANCELED
    assert event["id"] == told[0].message_id


def test_a_callback_is_told_once_and_signed_with_the_projects_secret(posting: Posting):
    posting.ended(callback="mine")
    posting.carry()
    told = posting.receiver.at("mine")
    verifier = standardwebhooks.Webhook(posting.secret(None))
    assert verifier.verify(told[0].body, told[0].headers)["type"] == "job.canceled"
    assert posting.carry() == []


def test_a_retry_has_the_same_id_and_body_and_a_fresh_signature(posting: Posting):
    endpoint = posting.endpoint("first")
    posting.receiver.script["first"] = ["error", "ok"]
    posting.ended()
    assert isinstance(posting.carry()[0], Again)
    assert posting.carry() == []  # not before its time
    time.sleep(1.1)  # timestamps count whole seconds
    posting.make_due()
    assert posting.carry() == [Delivered()]
    first, second = posting.receiver.at("first")
    assert first.message_id == second.message_id
    assert first.body == second.body
    assert first.headers["webhook-timestamp"] < second.headers["webhook-timestamp"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    verifier = standardwebhooks.Webhook(posting.secret(endpoint.endpoint_id))
    assert verifier.verify(second.body, second.headers)


def test_while_a_secret_rotates_both_are_good(posting: Posting):
    endpoint = posting.endpoint("ok")
    posting.endpoints.rotate(posting.world.tenant, endpoint.endpoint_id, keep=True)
    posting.ended()
    posting.carry()
    told = posting.receiver.requests[0]
    for version in (1, 2):
        secret = posting.secret(endpoint.endpoint_id, version)
        assert standardwebhooks.Webhook(secret).verify(told.body, told.headers)
    posting.endpoints.rotate(posting.world.tenant, endpoint.endpoint_id, keep=False)
    posting.ended()
    posting.carry()
    assert len(posting.receiver.requests[1].headers["webhook-signature"].split()) == 1


def test_after_a_410_nothing_goes_there_any_more_and_it_is_said(posting: Posting):
    gone = posting.endpoint("gone")
    posting.endpoint("ok")
    for _ in range(3):
        posting.ended()
    decided = posting.carry(limit=2) + posting.carry() + posting.carry()
    assert sum(isinstance(one, Disabled) for one in decided) >= 1
    at_gone = len(posting.receiver.at("gone"))
    posting.ended()
    posting.make_due()
    posting.carry()
    assert len(posting.receiver.at("gone")) == at_gone
    seen = posting.endpoints.one(posting.world.tenant, gone.endpoint_id)
    assert (seen.status, seen.disabled_reason) == ("disabled", "the receiver answered 410 Gone")
    told = [json.loads(one.body) for one in posting.receiver.at("ok")]
    disabled = [one for one in told if one["type"] == "webhook_endpoint.disabled"]
    assert [one["data"]["id"] for one in disabled] == [f"we_{gone.endpoint_id.hex}"]
    assert all("url" not in one["data"] for one in disabled)


def test_an_endpoint_that_fails_for_days_is_disabled_and_it_is_said(posting: Posting):
    impatient = replace(posting, patience=timedelta(0))
    failing = posting.endpoint("error")
    posting.endpoint("ok", "webhook_endpoint.*")
    posting.ended()
    impatient.carry()
    posting.make_due()
    impatient.carry()
    seen = posting.endpoints.one(posting.world.tenant, failing.endpoint_id)
    assert seen.status == "disabled"
    assert seen.disabled_reason is not None
    assert seen.disabled_reason.startswith("no delivery has succeeded since")
    impatient.carry()
    assert len(posting.receiver.at("ok")) == 1


def test_after_the_last_try_it_has_failed_and_can_be_recovered(posting: Posting):
    posting.endpoint("error")
    posting.ended()
    posting.carry()
    posting.world.one(
        "update webhook_deliveries set tries = 9 where tenant_id = %s", posting.world.tenant
    )
    posting.make_due()
    assert posting.carry() == [GivenUp(why="answered 500")]
    assert posting.statuses() == ["failed"]


def test_a_target_that_asks_for_a_pause_gets_it_for_everything(posting: Posting):
    posting.endpoint("closed")
    posting.ended()
    posting.carry()
    posting.ended()  # due at once, but not before the pause is over
    assert posting.carry() == []
    assert len(posting.receiver.requests) == 1


def test_one_that_fails_gets_one_at_a_time_and_others_their_share(posting: Posting):
    posting.endpoint("ok")
    for _ in range(7):
        posting.ended()
    (first,) = posting.queue.claim(100)  # nobody knows yet whether it answers
    posting.courier.carry(first)
    assert len(posting.queue.claim(100)) == posting.each
    posting.world.one(
        "update webhook_targets set failures = 1, failing_since = clock_timestamp()"
        " where tenant_id = %s",
        posting.world.tenant,
    )
    assert posting.queue.claim(100) == []


def test_however_many_fail_others_find_room(posting: Posting):
    for number in range(6):
        posting.endpoint(f"failing-{number}")
    posting.ended()
    posting.world.one(
        "insert into webhook_targets (tenant_id, target_id, failures)"
        " select tenant_id, endpoint_id, 1 from webhook_endpoints where tenant_id = %s",
        posting.world.tenant,
    )
    healthy = posting.endpoint("ok", "job.canceled")
    posting.answers(healthy)
    posting.ended()
    claimed = posting.queue.claim(8, unsure=8)
    assert [one.endpoint_id for one in claimed if not one.unsure] == [healthy.endpoint_id]
    assert len(claimed) == 3


def test_a_lost_worker_s_delivery_is_made_by_another_and_counts_for_nothing(posting: Posting):
    posting.endpoint("ok")
    posting.ended()
    (lost,) = posting.queue.claim(10)
    assert posting.carry() == []
    posting.world.one(
        "update webhook_deliveries set lease_until = '2000-01-01' where tenant_id = %s",
        posting.world.tenant,
    )
    (again,) = posting.queue.claim(10)
    assert (again.delivery_id, again.fence, again.tries) == (lost.delivery_id, 2, 0)
    assert posting.courier.carry(again) == Delivered()
    # The one that was thought lost comes back: it changes nothing.
    posting.courier.carry(lost)
    assert posting.statuses() == ["succeeded"]


def test_an_endpoint_that_moves_is_told_where_it_is_now(posting: Posting):
    endpoint = posting.endpoint("error")
    posting.ended()
    posting.carry()
    moved = EndpointChange(url=posting.receiver.url("ok"))
    posting.endpoints.update(posting.world.tenant, endpoint.endpoint_id, moved)
    posting.make_due()
    assert posting.carry() == [Delivered()]


def test_a_message_that_cannot_be_written_fails_and_holds_up_nobody(posting: Posting):
    posting.endpoint("ok")
    posting.ended()
    posting.world.one(
        "update webhook_events set subject = 'no job' where tenant_id = %s", posting.world.tenant
    )
    (then,) = posting.carry()
    assert isinstance(then, Again)
    assert "cannot be written" in then.why
    assert posting.receiver.requests == []


def test_what_is_old_is_forgotten_unless_it_is_on_its_way(posting: Posting):
    posting.endpoint("ok")
    posting.ended()
    posting.carry()
    posting.ended()
    posting.queue.forget(datetime.now(UTC) + timedelta(days=1))
    assert posting.statuses() == ["pending"]
    assert posting.carry() == [Delivered()]
