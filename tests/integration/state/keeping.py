"""How many bytes a tenant keeps, once all that was committed is counted."""

from datetime import timedelta

from agent_workers.domain.ids import TenantId
from agent_workers.state.access.quotas import Quotas
from agent_workers.state.database.engine import Database
from tests.support.worker_system import until

_NOW = "select pg_current_xact_id()::text::bigint"
_COUNTED = "select xact >= %s from bytes_counted"


def count(database: Database) -> None:
    """Count all that has been committed; somebody's old transaction may be in the way for a while."""
    with database.connection() as connection:
        now = connection.execute(_NOW.encode()).fetchone()

    def counted() -> bool:
        while Quotas(database).count_bytes(pause=timedelta(0)):
            pass
        with database.connection() as connection:
            return connection.execute(_COUNTED.encode(), now).fetchone() == (True,)

    until(counted, "all is counted")


def kept(database: Database, tenant: TenantId) -> int:
    count(database)
    return next(one.used for one in Quotas(database).all(tenant) if one.kind == "bytes")


def fill(database: Database, tenant: TenantId) -> None:
    """Let the tenant keep as much as it may."""
    Quotas(database).set(tenant, "bytes", 0)
