"""Idempotency keys: what one request made, however often it is sent."""

from uuid import UUID

import psycopg.errors

from agent_workers.domain.errors import KeyInFlight, KeyReused
from agent_workers.domain.ids import TenantId
from agent_workers.domain.job import KEY_KEPT_FOR
from agent_workers.state.database.engine import Connection

_TAKE = "select verdict, job_id from take_key(%s, %s, %s, %s, %s)"


def take_key(
    connection: Connection, tenant_id: TenantId, own: UUID, *, key: str, fingerprint: bytes
) -> UUID | None:
    """Take the key for what is made now; return what the same request made with it before."""
    arguments = (tenant_id, key, fingerprint, KEY_KEPT_FOR, own)
    # Caught inside: to the pool a lock that did not come is a broken connection.
    try:
        row = connection.execute(_TAKE, arguments).fetchone()
    except psycopg.errors.LockNotAvailable as error:
        raise in_flight(key) from error
    assert row is not None
    verdict, found = row
    if verdict == "reused":
        raise reused(key)
    return None if verdict == "taken" else UUID(int=found.int)


def in_flight(key: str) -> KeyInFlight:
    return KeyInFlight(f"a request with key {key!r} has not finished yet")


def reused(key: str) -> KeyReused:
    return KeyReused(f"key {key!r} was sent before with a different request")
