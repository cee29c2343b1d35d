"""The way to Postgres: a pool of connections, and the only code that opens a transaction."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import psycopg
import psycopg.errors
from psycopg.rows import TupleRow
from sqlalchemy import create_engine
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import TimeoutError as PoolExhausted

from agent_workers.domain.errors import StateUnavailable

Connection = psycopg.Connection[TupleRow]

# A frozen client must not hold a lock, and a lock must not hold a job, for longer than this;
# whoever waits for a lock outlasts a holder that froze, or a cancel would fail for no reason.
# A permit or a submission that was acknowledged must be there after a crash of Postgres.
_OPTIONS = (
    "-c idle_in_transaction_session_timeout=5000 -c lock_timeout=8000 -c statement_timeout=30000"
    " -c synchronous_commit=on"
)


class Database:
    """A pool whose connections are autocommitted: one statement is one transaction."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        name: str = "agent_workers",
        patience_s: float = 30.0,
    ) -> None:
        self.url = url
        self._name = name
        self._engine = _open(url, pool_size=pool_size, name=name, patience_s=patience_s)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection for single statements."""
        try:
            pooled = self._engine.raw_connection()
        except (psycopg.OperationalError, PoolExhausted) as error:
            raise StateUnavailable(str(error).strip()) from error
        try:
            # cast: the pool hands out what `_open` told it to make.
            yield cast(Connection, pooled.driver_connection)
        except psycopg.Error as error:
            if not _is_lost(error):
                raise
            pooled.invalidate()
            raise StateUnavailable(str(error).strip()) from error
        finally:
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


def connect(url: str, *, name: str) -> Connection:
    """Open one autocommitted connection."""
    return psycopg.connect(
        conninfo(url),
        autocommit=True,
        connect_timeout=3,
        application_name=name,
        options=_OPTIONS,
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=20_000,
        prepare_threshold=1,
    )


def conninfo(url: str) -> str:
    """Turn a SQLAlchemy URL, or a libpq one, into what libpq understands."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def sqlalchemy_url(url: str) -> str:
    """Turn a libpq URL into one that SQLAlchemy opens with psycopg 3."""
    named = make_url(url).set(drivername="postgresql+psycopg")
    return named.render_as_string(hide_password=False)


def _open(url: str, *, pool_size: int, name: str, patience_s: float) -> Engine:
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        creator=lambda: connect(url, name=name),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=patience_s,
        pool_reset_on_return=None,
        pool_use_lifo=True,
    )
