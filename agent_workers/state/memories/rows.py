"""The memories of tenants: listing, searching, forgetting, and taking back what a job taught."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from agent_workers.domain.errors import IllegalMove, JobNotFound
from agent_workers.domain.ids import TenantId
from agent_workers.domain.memory.memory import Memory, MemoryNotFound
from agent_workers.state.database.engine import Database
from agent_workers.state.database.pages import Page, Row, read_page

NAMES = (
    "memory_id user_id subject content confidence model job_id position created_at expires_at"
    " superseded_by superseded_at"
).split()
COLUMNS = ", ".join(f"m.{name}" for name in NAMES)
LIVE = "m.superseded_by is null and (m.expires_at is null or m.expires_at > clock_timestamp())"
_WHICH = f"""
 where m.tenant_id = %(tenant)s
   and (%(user)s::text is null or m.user_id = %(user)s)
   and (%(subject)s::text is null or m.subject = %(subject)s)
   and (%(job)s::uuid is null or m.job_id = %(job)s)
   and (%(history)s or ({LIVE}))"""
_PAGE = f"""
select {COLUMNS} from memories m {_WHICH}
   and (%(at)s::timestamptz is null or (m.created_at, m.memory_id) < (%(at)s, %(id)s))
 order by m.created_at desc, m.memory_id desc"""
_ONE = f"select {COLUMNS} from memories m where m.tenant_id = %s and m.memory_id = %s"
_LINE = f"""
with recursive line as (
  select {COLUMNS}, m.tenant_id from memories m
   where m.tenant_id = %(tenant)s and m.memory_id = %(id)s
   union all
  select {COLUMNS}, m.tenant_id from memories m join line l
      on m.tenant_id = l.tenant_id and m.user_id = l.user_id and m.superseded_by = l.memory_id)
select {COLUMNS} from line m where m.memory_id <> %(id)s order by m.created_at desc, m.memory_id desc"""
_MOST_REPLACED = 1_000
_FORGET = "delete from memories where tenant_id = %s and memory_id = %s"
_FORGET_USER = "delete from memories where tenant_id = %s and user_id = %s"
_FAMILY = """
select array_agg(j.job_id), bool_and(j.finished_at is not null) from jobs j
 where j.tenant_id = %(tenant)s and j.job_id = any (taught_for(%(tenant)s, %(job)s))"""
_UNLEARN = "select removed, restored from unlearn_jobs(%s, %s)"
_EXPIRED = "select forget_expired_memories(%s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Which:
    """Which memories are meant; what is None does not matter."""

    user_id: str | None = None
    subject: str | None = None
    job_id: UUID | None = None
    # Those too that were superseded or have expired.
    history: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlearned:
    """What taking back a job did: so many memories gone, so many count again."""

    removed: int
    restored: int


class MemoryRows:
    """The memories of every tenant, for those who may see them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self,
        tenant_id: TenantId,
        which: Which,
        *,
        limit: int,
        behind: tuple[datetime, UUID] | None = None,
    ) -> Page[Memory]:
        """Return memories, the newest first."""
        at, memory_id = behind or (None, None)
        given = {
            "tenant": tenant_id,
            "user": which.user_id,
            "subject": which.subject,
            "job": which.job_id,
            "history": which.history,
            "at": at,
            "id": memory_id,
        }
        return read_page(self._database, _PAGE, given, limit=limit, seen=memory_of)

    def one(self, tenant_id: TenantId, memory_id: UUID) -> Memory:
        with self._database.connection() as connection:
            row = connection.execute(_ONE.encode(), (tenant_id, memory_id)).fetchone()
        if row is None:
            raise MemoryNotFound("there is no such memory")
        return memory_of(row)

    def replaced_by(self, tenant_id: TenantId, memory_id: UUID) -> Sequence[Memory]:
        """Return the newest that a memory replaced, and that those had replaced."""
        place = {"tenant": tenant_id, "id": memory_id}
        return read_page(self._database, _LINE, place, limit=_MOST_REPLACED, seen=memory_of).rows

    def forget(self, tenant_id: TenantId, memory_id: UUID) -> None:
        """Delete a memory with all that it had replaced: nothing older comes back."""
        with self._database.connection() as connection:
            if not connection.execute(_FORGET, (tenant_id, memory_id)).rowcount:
                raise MemoryNotFound("there is no such memory")

    def forget_user(self, tenant_id: TenantId, user_id: str) -> int:
        """Delete everything that is remembered of a user."""
        with self._database.connection() as connection:
            return connection.execute(_FORGET_USER, (tenant_id, user_id)).rowcount

    def unlearn_job(self, tenant_id: TenantId, job_id: UUID) -> Unlearned:
        """Remove what an ended job and its child jobs taught; what that had replaced counts again."""
        given = {"tenant": tenant_id, "job": job_id}
        with self._database.transaction() as connection:
            family = connection.execute(_FAMILY, given).fetchone()
            if family is None or job_id not in (family[0] or ()):
                raise JobNotFound("there is no such job")
            if not family[1]:
                raise IllegalMove("the job is still running and may add memories: cancel it first")
            row = connection.execute(_UNLEARN, (tenant_id, family[0])).fetchone()
        assert row is not None
        return Unlearned(removed=row[0], restored=row[1])

    def forget_expired(self, *, most: int) -> int:
        """Delete some of what is past its time; until then it is only never found."""
        with self._database.connection() as connection:
            row = connection.execute(_EXPIRED, (most,)).fetchone()
        return 0 if row is None else int(row[0])


def memory_of(row: Row) -> Memory:
    return Memory(**dict(zip(NAMES, row, strict=True)))
