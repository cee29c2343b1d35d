"""Sessions as their callers see them: shown, listed, added to, cleared."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import psycopg

from agent_workers.domain.errors import SessionNotFound
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.memory.session import Role
from agent_workers.state.database.engine import Connection, Database
from agent_workers.state.database.pages import Page, read_page
from agent_workers.state.idempotency import take_key
from agent_workers.state.jobs.submissions import REFUSALS

_NAMES = UUID("9a1cf0ce-6d0b-4a37-8a5e-2f5d2f6f6b11")
# Whatever is over counts as gone, whether the keeper has been by or not.
_THERE = """
 tenant_id = %(tenant_id)s and (used_at + make_interval(secs => ttl_s) > clock_timestamp()
   or exists (select from session_turns t where t.tenant_id = s.tenant_id
                 and t.session_id = s.session_id and t.state <> 'over'))"""
_SEEN = """
select session_id, user_id, summary, created_at, used_at,
       used_at + make_interval(secs => ttl_s) as expires_at,
       (select count(*) from session_messages m where m.tenant_id = s.tenant_id
           and m.session_id = s.session_id) as messages,
       (select job_id from session_turns t where t.tenant_id = s.tenant_id
           and t.session_id = s.session_id and t.state = 'now') as job_id,
       coalesce((select array_agg(job_id order by turn) from session_turns t
         where t.tenant_id = s.tenant_id and t.session_id = s.session_id
           and t.state = 'waiting'), '{}') as waiting
  from sessions s where"""
_ONE = f"{_SEEN} session_id = %(session_id)s and {_THERE}"
_PAGE = f"""{_SEEN} {_THERE}
   and (%(at)s::timestamptz is null or (used_at, session_id) < (%(at)s, %(behind)s))
 order by used_at desc, session_id desc"""
_MESSAGE = "turn, part, role, content, calls, call_id, job_id, at, message_id"
_MESSAGES = f"""
select {_MESSAGE} from session_messages
 where tenant_id = %(tenant_id)s and session_id = %(session_id)s
   and (turn, part) > (%(turn)s, %(part)s)
 order by turn, part"""
_BY_ID = f"""
select {_MESSAGE} from session_messages
 where tenant_id = %s and session_id = %s and message_id = %s"""
_ADD = "select add_message(%s, %s, %s, %s, %s, %s, %s, %s, %s)"
_CLEAR = "select clear_session(%s, %s)"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSeen:
    session_id: str
    user_id: str
    # JSON, as the step that summed up recorded it.
    summary: bytes | None
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    messages: int
    job_id: JobId | None
    waiting: Sequence[UUID]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSeen:
    """A message; `content` and `calls` are JSON as they were stored."""

    turn: int
    part: int
    role: str
    content: bytes
    calls: bytes | None
    call_id: str
    job_id: UUID | None
    at: datetime
    message_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message that no job says; a key says it once."""

    tenant_id: TenantId
    session_id: str
    role: Role
    content: bytes
    calls: bytes | None = None
    call_id: str = ""
    user_id: str | None = None
    key: str | None = None
    fingerprint: bytes = b""


class SessionCalls:
    def __init__(self, database: Database, *, ttl: timedelta) -> None:
        self._database = database
        self._ttl = ttl

    def one(self, tenant_id: TenantId, session_id: str) -> SessionSeen:
        asked = {"tenant_id": tenant_id, "session_id": session_id}
        with self._database.connection() as connection:
            row = connection.execute(_ONE, asked).fetchone()
        if row is None:
            raise SessionNotFound(f"there is no session {session_id!r}")
        return _session(row)

    def page(
        self, tenant_id: TenantId, *, limit: int, behind: tuple[datetime, str] | None = None
    ) -> Page[SessionSeen]:
        """Return sessions, the last used first."""
        at, session_id = behind or (None, "")
        asked = {"tenant_id": tenant_id, "at": at, "behind": session_id}
        return read_page(self._database, _PAGE, asked, limit=limit, seen=_session)

    def messages(
        self, tenant_id: TenantId, session_id: str, *, after: tuple[int, int], limit: int
    ) -> Page[MessageSeen]:
        """Return what was said behind a place, in the order of the turns."""
        self.one(tenant_id, session_id)
        place = {"tenant_id": tenant_id, "session_id": session_id}
        asked = place | {"turn": after[0], "part": after[1]}
        return read_page(self._database, _MESSAGES, asked, limit=limit, seen=_message)

    def add(self, new: NewMessage, *, message_id: UUID) -> tuple[MessageSeen, bool]:
        """Keep a message; true when it was kept before under the same key."""
        if new.key is not None:
            message_id = uuid5(_NAMES, f"{new.tenant_id} {new.session_id} {new.key}")
        place = (new.tenant_id, new.session_id, message_id)
        with self._database.transaction() as connection:
            replayed = new.key is not None and take_key(
                connection, new.tenant_id, message_id, key=new.key, fingerprint=new.fingerprint
            )
            if not replayed:
                self._add(connection, new, message_id)
            row = connection.execute(_BY_ID, place).fetchone()
        if row is None:
            raise SessionNotFound("the message of this idempotency key was cleared")
        return _message(row), bool(replayed)

    def clear(self, tenant_id: TenantId, session_id: str) -> None:
        with self._database.connection() as connection:
            row = connection.execute(_CLEAR, (tenant_id, session_id)).fetchone()
        if row is None or not row[0]:
            raise SessionNotFound(f"there is no session {session_id!r}")

    def _add(self, connection: Connection, new: NewMessage, message_id: UUID) -> None:
        asked = (
            *(new.tenant_id, new.session_id, new.user_id, round(self._ttl.total_seconds())),
            *(message_id, new.role.value, new.content, new.calls, new.call_id),
        )
        try:
            connection.execute(_ADD, asked)
        except psycopg.DatabaseError as error:
            refused = REFUSALS.get(error.sqlstate or "")
            if refused is None:
                raise
            raise refused(str(error.diag.message_primary)) from error


# Any: columns as the SELECTs above name them.
def _session(row: Sequence[Any]) -> SessionSeen:
    return SessionSeen(**dict(zip(SessionSeen.__dataclass_fields__, row, strict=True)))


def _message(row: Sequence[Any]) -> MessageSeen:
    return MessageSeen(**dict(zip(MessageSeen.__dataclass_fields__, row, strict=True)))
