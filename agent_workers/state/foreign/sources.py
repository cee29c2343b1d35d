"""Reads other people's databases for tools: one SELECT, read-only, within bounds of time and size."""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

import psycopg
from psycopg import RawServerCursor, errors
from psycopg.rows import TupleRow
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from agent_workers.domain.errors import FacilityAway
from agent_workers.domain.outside.sql_source import Scalar, SqlBounds, SqlRefused, SqlRows
from agent_workers.domain.tools.facility import NotInstalled
from agent_workers.state.database.engine import Connection, conninfo
from agent_workers.state.foreign.cutting import cut_off_after
from agent_workers.state.foreign.roles import powers_of

_SETTING = "AGENT_SQL_SOURCES"
_OPTIONS = (
    "-c default_transaction_read_only=on -c statement_timeout=5000 -c lock_timeout=5000"
    " -c idle_in_transaction_session_timeout=30000"
)
_TRUSTED_FOR_S = 60.0
_BATCH = 50
# A row as its own JSON, and nothing in place of one that is too long to be sent at all.
_BOUNDED = """select case when octet_length(j) <= {most} then j end from
(select row_to_json(q)::text as j from (
{sql}
) q({names})) w"""
# Longer numbers lose digits, or are no numbers to whoever reads the JSON.
_MOST_DIGITS = 15
# As errors of the server count what the question has too much of, or parameters too few.
_MISTAKES = (
    errors.ProtocolViolation,
    errors.ProgramLimitExceeded,
    errors.StatementTooComplex,
    errors.TooManyColumns,
    errors.TooManyArguments,
)
# Nobody was asked, or nobody had time: nothing is wrong with the question.
_PASSING = (
    errors.OperationalError,
    errors.LockNotAvailable,
    errors.InsufficientResources,
)


@dataclass(frozen=True, slots=True)
class ReadOnlySources:
    """What `SqlSources` is in a worker; each question has a connection of its own."""

    urls: Mapping[str, str] = field(repr=False)
    clock: Callable[[], float] = time.monotonic
    _trusted: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def query(
        self, source: str, sql: str, parameters: Sequence[Scalar], bounds: SqlBounds
    ) -> SqlRows:
        """Answer one question; what is wrong with it is said to whoever asked."""
        url, may_write = self._source(source)
        end = time.monotonic() + bounds.within.total_seconds()
        try:
            with _connected(url) as connection, cut_off_after(connection, bounds.within):
                self._trust(connection, source, may_write=may_write)
                with connection.transaction(force_rollback=True):
                    connection.execute("set transaction read only")
                    return _answer(
                        connection, sql.strip().rstrip("; \t\r\n"), parameters, bounds, end
                    )
        except UnicodeError:  # a question may set `client_encoding`, and a database have none
            raise SqlRefused(
                "it returns text that is not UTF-8: do not change the encoding"
            ) from None
        except errors.QueryCanceled:
            raise SqlRefused(f"it took longer than {bounds.within}: ask for less") from None
        except _MISTAKES as error:
            raise SqlRefused(_explained(error)) from None
        except _PASSING as error:
            raise FacilityAway(
                f"the source {source!r} cannot answer now: {_first(error)}"
            ) from None
        except psycopg.Error as error:
            raise SqlRefused(_explained(error)) from None

    def _source(self, source: str) -> tuple[str, bool]:
        written = self.urls.get(source)
        if written is None:
            known = ", ".join(sorted(self.urls)) or "none"
            raise NotInstalled(f"there is no source {source!r} in {_SETTING} (it has: {known})")
        try:
            url = make_url(written)
        except ArgumentError:
            raise NotInstalled(f"the URL of {source!r} in {_SETTING} cannot be read") from None
        may_write = url.query.get("may_write") == "allowed"
        bare = url.difference_update_query(["may_write"])
        return conninfo(bare.render_as_string(hide_password=False)), may_write

    def _trust(self, connection: Connection, source: str, *, may_write: bool) -> None:
        """Refuse a role that could do more than read; asked again once a minute."""
        with self._lock:
            if self._trusted.get(source, float("-inf")) > self.clock():
                return
        powers = powers_of(connection)
        if powers.over_the_server:
            raise NotInstalled(
                f"the role of {source!r} in {_SETTING} is a superuser or may reach the server's"
                f" files ({powers.over_the_server}): give it a role that may only read"
            )
        if powers.writes and not may_write:
            raise NotInstalled(
                f"the role of {source!r} in {_SETTING} may write ({powers.writes}): give it a role"
                " that may only read, or add ?may_write=allowed to its URL"
            )
        with self._lock:
            self._trusted[source] = self.clock() + _TRUSTED_FOR_S


def _connected(url: str) -> Connection:
    return psycopg.connect(
        url,
        autocommit=True,
        connect_timeout=5,
        application_name="agent_workers sql_query",
        client_encoding="utf8",  # else a database that has no encoding gives bytes
        options=_OPTIONS,
        tcp_user_timeout=20_000,
    )


def _answer(
    connection: Connection, sql: str, parameters: Sequence[Scalar], bounds: SqlBounds, end: float
) -> SqlRows:
    """Look at the question as it stands, then ask it again with its rows bounded.

    What is a whole statement by itself cannot leave the parentheses that it is put into.
    """
    _limit(connection, end)
    with RawServerCursor(connection, "asked") as asked:
        asked.execute(sql, parameters or None)
        columns = tuple(column.name for column in asked.description or ())
    if not columns:
        raise SqlRefused("it selects no columns")
    names = ", ".join(f"c{number}" for number in range(len(columns)))
    bounded = _BOUNDED.format(most=bounds.bytes, sql=sql, names=names)
    with RawServerCursor(connection, "bounded") as cursor:
        cursor.execute(bounded, parameters or None)
        rows, truncated = _fetched(connection, cursor, bounds, end)
    return SqlRows(columns=columns, rows=rows, truncated=truncated)


def _fetched(
    connection: Connection, cursor: RawServerCursor[TupleRow], bounds: SqlBounds, end: float
) -> tuple[Sequence[Sequence[object]], bool]:
    rows: list[Sequence[object]] = []
    left = bounds.bytes
    while True:
        _limit(connection, end)
        batch = cursor.fetchmany(_BATCH)
        for (row,) in batch:
            left -= bounds.bytes + 1 if row is None else len(row.encode())
            if left < 0 and not rows:
                raise SqlRefused(f"a row has more than {bounds.bytes} bytes: ask for less of it")
            if left < 0 or len(rows) == bounds.rows:
                return rows, True
            rows.append(_read(row))
        if len(batch) < _BATCH:
            return rows, False


def _limit(connection: Connection, end: float) -> None:
    """Give the next statement the time that is left, whatever the last one has set."""
    left_ms = max(1, round((end - time.monotonic()) * 1_000))
    connection.execute(
        "select set_config('statement_timeout', %s, true)", [str(left_ms)], prepare=False
    )


def _read(row: str) -> Sequence[object]:
    try:
        told = json.loads(row, parse_int=_integer, parse_float=_fraction)
    except RecursionError:
        raise SqlRefused("a value is nested too deeply: ask for a part of it") from None
    return tuple(told.values())


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def _fraction(digits: str) -> float | str:
    """Keep as a text what would lose digits as a number."""
    number = float(digits)
    try:
        return number if Decimal(repr(number)) == Decimal(digits) else digits
    except InvalidOperation:  # an exponent that nobody can write out
        return digits


def _explained(error: psycopg.Error) -> str:
    """What Postgres says of a question, with its hint: whoever asked can put it right."""
    hint = error.diag.message_hint
    return f"{_first(error)} ({hint})" if hint else _first(error)


def _first(error: psycopg.Error) -> str:
    said = error.diag.message_primary or str(error).strip().partition("\n")[0]
    return said[:500] or type(error).__name__
