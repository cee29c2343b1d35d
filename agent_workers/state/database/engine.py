"""The way to Postgres: a pool of connections, and the only code that opens a transaction."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import psycopg
import psycopg.errors
from psycopg.errors import Diagnostic
from psycopg.rows import TupleRow
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import TimeoutError as PoolExhausted

from agent_workers.domain.errors import KeepsTooMuch, QuotaReached, StateUnavailable
from agent_workers.state.database.errand import given_back, taken
from agent_workers.state.database.session_settings import (
    OPTIONS,
    READ,
    SETTINGS,
    STATEMENT_S,
    wrong,
)

Connection = psycopg.Connection[TupleRow]
PAGE_BYTES = 1024 * 1024

# Raised when a transaction commits, so that no caller can look for it (quotas.sql).
_QUOTA_REACHED = "AW030"
KEEPS_TOO_MUCH = "AW031"
# Where Postgres gives up waiting for a standby: the words of its warning are translated, this is not.
_STANDBY_WAIT = "SyncRepWaitForLSN"
_UNREPLICATED = "committed here, but not on the standby: the wait for it was canceled"


class NotReplicated(StateUnavailable):
    """A commit is on this server alone, which is not what was to be acknowledged."""


class SettingsDropped(StateUnavailable):
    """A session does not look into our schema: something on the way drops our settings."""


class _Session(psycopg.Connection[TupleRow]):
    """A connection that knows what the server warned of, and whether a pooler is in between."""

    heard: "_Heard"
    pooled: bool = False


@dataclass(slots=True)
class _Heard:
    """What the server said besides its answers."""

    unreplicated: bool = False

    def note(self, notice: Diagnostic) -> None:
        if notice.source_function == _STANDBY_WAIT:
            self.unreplicated = True


class Database:
    """A pool whose connections are autocommitted: one statement is one transaction."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        name: str = "agent_workers",
        patience_s: float = 30.0,
        statement_s: int = STATEMENT_S,
        page_bytes: int = PAGE_BYTES,
    ) -> None:
        self.url = url
        # How much a page of a list may hold (`pages.py`), and the statements that see to it.
        self.page_bytes = page_bytes
        self.page_statements: dict[str, bytes] = {}
        self._name = name
        self._engine = create_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            creator=lambda: connect(url, name=name, statement_s=statement_s),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=patience_s,
            pool_reset_on_return=None,
            pool_use_lifo=True,
        )

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection for single statements."""
        try:
            pooled = self._engine.raw_connection()
        except (psycopg.OperationalError, PoolExhausted) as error:
            raise StateUnavailable(str(error).strip()) from error
        # cast: the pool hands out what `_open` told it to make.
        session = cast(_Session, pooled.driver_connection)
        try:
            taken(session)
            session.heard.unreplicated = False
            yield session
            # Whatever was done is as good as a commit whose answer got lost.
            if session.heard.unreplicated:
                raise NotReplicated(_UNREPLICATED)
        except psycopg.Error as error:
            if refusal := _refusal(error):
                raise refusal from error
            # Through a pooler a lost connection may look like a server that answers nonsense.
            if not _is_lost(error) and not session.broken:
                raise
            pooled.invalidate()
            raise StateUnavailable(str(error).strip()) from error
        finally:
            if not given_back(session) and pooled.is_valid:
                pooled.invalidate()
            pooled.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Lend a connection inside a transaction."""
        with self.connection() as connection, connection.transaction():
            yield connection

    @contextmanager
    def alone(self, *, url: str | None = None) -> Iterator[Connection]:
        """Open a connection of one's own, outside the pool and outside any pooler."""
        try:
            connection = connect(url or self.url, name=self._name)
        except psycopg.OperationalError as error:
            raise StateUnavailable(str(error).strip()) from error
        with connection:
            yield connection
            if isinstance(connection, _Session) and connection.heard.unreplicated:
                raise NotReplicated(_UNREPLICATED)

    def close(self) -> None:
        self._engine.dispose()


def _is_lost(error: psycopg.Error) -> bool:
    """A transaction that idled too long (we were frozen) has lost its connection as well."""
    return isinstance(
        error,
        psycopg.OperationalError
        | psycopg.InterfaceError
        | psycopg.errors.IdleInTransactionSessionTimeout,
    )


def _refusal(error: psycopg.Error) -> Exception | None:
    """Translate what functions of ours refuse."""
    said = str(error.diag.message_primary)
    if error.sqlstate == KEEPS_TOO_MUCH:
        return KeepsTooMuch(said, tenant_id=str(error.diag.message_detail))
    return QuotaReached(said) if error.sqlstate == _QUOTA_REACHED else None


def connect(url: str, *, name: str, statement_s: int = STATEMENT_S) -> Connection:
    """Open one autocommitted connection that looks into our schema."""
    session, seen = opened(url, name=name, statement_s=statement_s)
    if "search_path" in wrong(seen):
        session.close()
        raise SettingsDropped(
            "a pooler drops the session's settings, so the agent_workers schema is not found:"
            " run `agent-workers migrate`, which stores them for the role"
        )
    return session


def opened(
    url: str, *, name: str, statement_s: int = STATEMENT_S
) -> tuple[_Session, Mapping[str, str]]:
    """Open a connection, however it is set, and say how that is."""
    session = _Session.connect(
        conninfo(url),
        autocommit=True,
        connect_timeout=3,
        application_name=name,
        options=f"{OPTIONS} -c statement_timeout={statement_s}s",
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=20_000,
        prepare_threshold=1,
    )
    session.heard = _Heard()
    session.add_notice_handler(session.heard.note)
    row = session.execute(READ.encode(), prepare=False).fetchone()
    assert row is not None
    pid, *values = row
    # A pooler tells its clients a number of its own. Its next statement may reach another server
    # process, which knows of nothing that was prepared in this one.
    if pid != session.info.backend_pid:
        session.pooled = True
        session.prepare_threshold = None
    return session, dict(zip(SETTINGS, values, strict=True))


def is_pooled(connection: Connection) -> bool:
    """Say whether a pooler stands between us and the server."""
    return isinstance(connection, _Session) and connection.pooled


def conninfo(url: str) -> str:
    """Turn a SQLAlchemy URL, or a libpq one, into what libpq understands."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
