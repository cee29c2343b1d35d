"""Fixtures of the webhooks' tests: a receiver that listens, and a tenant that posts to it."""

from collections.abc import Iterator

import pytest

from agent_workers.domain.ids import TenantId
from agent_workers.state.database.engine import Database
from tests.integration.state.world import World
from tests.integration.webhooks.posting import Posting
from tests.integration.webhooks.receiver import Receiver, receiving
from tests.support.database import database, tenant

__all__ = ["database", "posting", "receiver", "tenant"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


@pytest.fixture
def posting(database: Database, tenant: TenantId, receiver: Receiver) -> Iterator[Posting]:
    posting = Posting(world=World(database, tenant), receiver=receiver)
    yield posting
    # What is left due would be claimed by the next test.
    posting.world.one("delete from webhook_deliveries where tenant_id = %s", tenant)
