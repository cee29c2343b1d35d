"""Worker processes as the database knows them: each holds a lock that dies with it."""

import select
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import psycopg
import structlog

from agent_workers.domain.claim import Due
from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.ids import WorkerId
from agent_workers.domain.step import Lane, StepKind
from agent_workers.state.database.bounds import FROM_THE_BEGINNING
from agent_workers.state.database.engine import Connection, Database, connect, is_pooled
from agent_workers.state.database.pooling import shares_sessions

log = structlog.get_logger(__name__)

# A process that came back did not die: what it was suspected of is forgotten.
_REGISTER = """
with cleared as (delete from suspicions where worker_id = %(worker_id)s)
insert into workers (worker_id, lock_key, host, pid, pid_started, lanes)
values (%(worker_id)s, %(lock_key)s, %(host)s, %(pid)s, %(pid_started)s, %(lanes)s)
on conflict (worker_id) do update set locked_at = clock_timestamp(), lost_at = null"""
_HELD = """
select tenant_id, job_id, "position", kind, lane, fence from steps
 where status = 'claimed' and claimed_by = %s and lease_until >= %s
   and claimed_at < clock_timestamp() - interval '3 seconds'"""
_LEAVE = """
delete from workers where worker_id = %s and not exists (
  select from steps where status = 'claimed' and claimed_by = workers.worker_id)"""
# A host that is lost says nothing: the server asks, and ends the session within five seconds.
_NOTICE_SOON = """
select set_config('tcp_keepalives_idle', '2', false),
       set_config('tcp_keepalives_interval', '1', false),
       set_config('tcp_keepalives_count', '3', false),
       set_config('tcp_user_timeout', '5000', false)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One operating-system process that does work."""

    worker_id: WorkerId
    host: str
    pid: int
    pid_started: int
    lanes: str

    @property
    def lock_key(self) -> int:
        """The advisory lock that this process holds while it lives, as a signed 64-bit number."""
        return int.from_bytes(self.worker_id.bytes[-8:], "big", signed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A claimed step as the database sees it."""

    due: Due
    fence: int


class DeadMan:
    """A direct connection whose session lock says that its process is alive.

    It must be opened after fork: a forked child would hold the lock on, dead parent or not.
    """

    def __init__(self, url: str, process: Process) -> None:
        self._url = url
        self._process = process
        self._connection: Connection | None = None
        self._has_complained = False

    def hold(self) -> bool:
        """Make sure that the lock is held; true when it had to be taken (again)."""
        if self._connection is not None and _answers(self._connection):
            return False
        self.let_go()
        try:
            connection = connect(self._url, name="agent_workers dead-man")
        except psycopg.OperationalError as error:
            raise StateUnavailable(str(error).strip()) from error
        if is_pooled(connection) and shares_sessions(self._url):
            # The lock would be the pooler's: it would outlive us, or die before us.
            connection.close()
            self._complain()
            return False
        try:
            connection.execute(_NOTICE_SOON)
            if self._take(connection):
                self._connection = connection
        finally:
            # A connection that does not hold the lock must not pass for one that does.
            if self._connection is None:
                connection.close()
        return self._connection is not None

    def _complain(self) -> None:
        if not self._has_complained:
            self._has_complained = True
            log.error(
                "no_session_lock",
                why="AGENT_DIRECT_DATABASE_URL leads through a pooler that shares its sessions",
                what="a killed worker is noticed only when its leases run out",
            )

    def _take(self, connection: Connection) -> bool:
        """Take the lock; false while the server has not noticed the end of our last connection."""
        row = connection.execute("select pg_try_advisory_lock(%s)", (self._process.lock_key,))
        if row.fetchone() != (True,):
            return False
        connection.execute(
            _REGISTER,
            {
                "worker_id": self._process.worker_id,
                "lock_key": self._process.lock_key,
                "host": self._process.host,
                "pid": self._process.pid,
                "pid_started": self._process.pid_started,
                "lanes": self._process.lanes,
            },
        )
        return True

    @property
    def is_disturbed(self) -> bool:
        """Say whether the server has sent something: mostly that the connection has ended."""
        if self._connection is None:
            return False
        waits = select.poll()
        try:
            waits.register(self._connection.fileno(), select.POLLIN)
        except psycopg.Error:
            return True  # closed already
        return bool(waits.poll(0))

    @property
    def is_held(self) -> bool:
        return self._connection is not None

    def let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _answers(connection: Connection) -> bool:
    try:
        connection.execute("select 1")
    except psycopg.Error:
        return False
    return True


class Workers:
    def __init__(self, database: Database) -> None:
        self._database = database

    def held(self, worker_id: WorkerId, since: datetime | None = None) -> Sequence[Held]:
        """The steps that the database believes this process to be doing, but for the newest.

        No lease before `since` is open.
        """
        arguments = (worker_id, since or FROM_THE_BEGINNING)
        with self._database.connection() as connection:
            rows = connection.execute(_HELD, arguments, binary=True).fetchall()
        return [
            Held(
                due=Due(
                    tenant_id=tenant_id,
                    job_id=job_id,
                    position=position,
                    kind=StepKind(kind),
                    lane=Lane(lane),
                    high=True,
                ),
                fence=fence,
            )
            for tenant_id, job_id, position, kind, lane, fence in rows
        ]

    def give_back(self, held: Held) -> bool:
        """Give back a step that nobody here is doing; true when somebody should come for it."""
        due = held.due
        with self._database.connection() as connection:
            row = connection.execute(
                "select stand_down(%s, %s, %s, %s)",
                (due.tenant_id, due.job_id, due.position, held.fence),
            ).fetchone()
        return row is not None and row[0] == "ready"

    def leave(self, worker_id: WorkerId) -> None:
        """Take an orderly leave; whoever still holds a step stays known, and so is found to be lost."""
        with self._database.connection() as connection:
            connection.execute(_LEAVE, (worker_id,))
