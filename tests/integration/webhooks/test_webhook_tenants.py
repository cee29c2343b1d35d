"""However many silent hosts one tenant has, another's webhooks are delivered."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from agent_workers.domain.ids import TenantId
from agent_workers.state.database.engine import Database
from agent_workers.worker.programs.webhooks import Round
from tests.integration.state.world import World
from tests.integration.webhooks.posting import Posting

SLOTS = 8


@pytest.fixture
def silent(database: Database, tenant: TenantId, posting: Posting) -> Iterator[Posting]:
    """Another tenant, whose receivers take a request and say nothing."""
    other = replace(posting, world=World(database, TenantId(f"{tenant}-silent")))
    yield other
    other.world.one("delete from webhook_deliveries where tenant_id = %s", other.world.tenant)


def hang(silent: Posting, number: int) -> None:
    for at in range(number):
        silent.endpoint(f"hang-{at}", "job.canceled")
        silent.receiver.script[f"hang-{at}"] = ["hang"]
    silent.ended()


def test_a_tenant_has_few_slots_for_targets_that_have_not_answered_yet(
    posting: Posting, silent: Posting
) -> None:
    hang(silent, 12)
    queue = posting.queue
    claimed = queue.claim(64, unsure=32)
    assert len(claimed) == 8
    assert queue.claim(56, unsure=24, under_way=claimed) == []
    posting.endpoint("ok")
    posting.ended()
    assert [one.tenant_id for one in queue.claim(56, unsure=24, under_way=claimed)] == [
        posting.world.tenant
    ]


def test_a_tenant_does_not_take_the_last_slots_though_all_of_its_targets_answered(
    posting: Posting, silent: Posting
) -> None:
    hang(silent, 12)
    for endpoint in silent.endpoints.page(silent.world.tenant, limit=100).rows:
        silent.answers(endpoint)
    silent.ended()
    queue = posting.queue
    claimed = queue.claim(SLOTS)
    assert len(claimed) == 6
    assert queue.claim(2, under_way=claimed) == []
    posting.endpoint("ok")
    posting.ended()
    assert len(queue.claim(2, under_way=claimed)) == 1


def test_tenants_have_the_first_turn_in_turn(posting: Posting, silent: Posting) -> None:
    for one in (posting, silent):
        one.endpoint("ok")
        one.answers(one.endpoints.page(one.world.tenant, limit=1).rows[0])
        for _ in range(2):
            one.ended()
    queue = posting.queue
    turns = [queue.claim(1)[0].tenant_id for _ in range(4)]
    assert turns[0] != turns[1]
    assert turns[:2] == turns[2:]


@contextmanager
def delivering(posting: Posting) -> Iterator[None]:
    stopped = threading.Event()
    round_ = Round(posting.queue, posting.courier, slots=SLOTS)
    thread = threading.Thread(target=round_.run, args=(stopped.is_set,))
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        posting.receiver.ended.set()
        thread.join()


def test_an_honest_tenant_is_told_while_another_has_nothing_but_silent_hosts(
    posting: Posting, silent: Posting
) -> None:
    hang(silent, 40)
    with delivering(replace(posting, timeout_s=30)):
        until = time.monotonic() + 20
        while not any(one.path.startswith("/hang") for one in list(posting.receiver.requests)):
            assert time.monotonic() < until
            time.sleep(0.01)
        for _ in range(5):
            posting.ended(callback="mine")
        while posting.statuses() != ["succeeded"] * 5:
            assert time.monotonic() < until
            time.sleep(0.01)
        # Of the silent ones none had to time out for it.
        sent = "select count(*) from webhook_attempts where tenant_id = %s"
        assert silent.world.one(sent, silent.world.tenant) == 0
