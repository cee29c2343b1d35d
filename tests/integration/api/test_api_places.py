"""A tenant whose requests hang in the database keeps no other waiting, and they end there too."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.ids import TenantId
from agent_workers.state.access.keys import Keys
from agent_workers.state.database.engine import Database
from api.process.threads import Threads
from tests.integration.api.live import PEPPER, Live, submit, until

# Of the eight places that there are by default, who is alone has six.
_SHARE = 6
_HANGING = """
select count(*) from pg_locks
 where not granted and relation = 'agent_workers.memories'::regclass"""
_SLEEPING = "select count(*) from pg_stat_activity where query = 'select pg_sleep(60)'"


def count(database: Database, sql: str) -> int:
    with database.connection() as connection:
        row = connection.execute(sql.encode()).fetchone()
    assert row is not None
    return int(row[0])


@contextmanager
def held(database: Database, lock: str) -> Iterator[None]:
    """Hold a lock for others to wait for."""
    with database.alone() as holder, holder.transaction():
        holder.execute("set local idle_in_transaction_session_timeout = 0")
        holder.execute(lock.encode())
        yield


@contextmanager
def hanging(database: Database, client: httpx.Client) -> Iterator[list[Future[httpx.Response]]]:
    """More requests than there are places; as many as may have one wait in the database."""
    with ThreadPoolExecutor(12) as threads:
        with held(database, "lock table memories in access exclusive mode"):
            asked = [threads.submit(client.get, "/v1/memories?user_id=u") for _ in range(12)]
            until(lambda: count(database, _HANGING) >= _SHARE)
            yield asked
        assert {one.result().status_code for one in asked} == {200}


def test_a_tenant_whose_requests_hang_keeps_nobody_else_waiting(
    live: Live, database: Database, client: httpx.Client
):
    with live.client(TenantId("another")) as honest, hanging(database, client) as asked:
        assert honest.get("/v1/sessions").status_code == 200  # looks its key up as well
        submit(honest)
        assert honest.get("/health/ready").status_code == 200
        assert count(database, _HANGING) == _SHARE
        assert not any(one.done() for one in asked)


def test_what_takes_too_long_for_its_request_ends_in_the_database(database: Database):
    def sleep() -> None:
        with database.connection() as connection:
            connection.execute("select pg_sleep(60)")

    async def ask() -> None:
        threads = Threads(1, patience_s=0.5)
        with pytest.raises(StateUnavailable):
            await threads.run(sleep)
        await threads.run(lambda: None)  # the place is free again
        threads.close()

    asyncio.run(ask())
    assert count(database, _SLEEPING) == 0


def test_many_keys_are_looked_up_together(database: Database, tenant: TenantId):
    keys, elsewhere = (
        Keys(database, pepper=PEPPER),
        Keys(database, pepper="another pepper, of others"),
    )
    mine, revoked, forged = keys.create(tenant), keys.create(tenant), elsewhere.create(tenant)
    keys.revoke(tenant, revoked.key_id)
    tokens = ["nonsense", mine.token, revoked.token, forged.token, mine.token]
    found = [caller and caller.key_id for caller in keys.callers(tokens)]
    assert found == [None, mine.key_id, None, None, mine.key_id]


def test_a_look_up_waits_for_nobody_who_changes_a_key(database: Database, tenant: TenantId):
    keys = Keys(database, pepper=PEPPER)
    key = keys.create(tenant)
    with held(database, f"select from api_keys where key_id = '{key.key_id}' for update"):
        assert keys.caller(key.token)
    [seen] = keys.all(tenant)
    assert seen.last_used_at is None
