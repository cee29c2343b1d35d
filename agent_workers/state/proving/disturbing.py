"""What operators and strangers do to a database that jobs live in: backends ended, locks held."""

import contextlib
import threading

import psycopg

from agent_workers.state.database.engine import connect

_NAME = "agent_workers stranger"
_OURS = "datname = current_database() and application_name like 'agent_workers worker%'"
_PIDS = f"select pid from pg_stat_activity where {_OURS} order by random() limit 1"
_TERMINATE = f"select pg_terminate_backend(pid) from ({_PIDS}) one"
_LOCKS = {
    "rows": "select from jobs where finished_at is null order by random() limit 25 for update",
    "jobs": "lock table jobs in share row exclusive mode",
    "permits": "lock table permits in share row exclusive mode",
}
LOCKS = tuple(_LOCKS)


def terminate_backend(url: str) -> bool:
    """End the session of one process of ours, as an operator does."""
    with connect(url, name=_NAME) as connection:
        return connection.execute(_TERMINATE.encode()).fetchone() is not None


def pid_of_backend(url: str) -> int | None:
    """Return the process behind one session of ours, for a blow from outside."""
    with connect(url, name=_NAME) as connection:
        row = connection.execute(_PIDS.encode()).fetchone()
    return None if row is None else int(row[0])


def hold_lock(url: str, what: str, until: threading.Event, seconds: float) -> None:
    """Hold locks in a transaction that does nothing else; it may be broken off."""
    _idle_after(url, _LOCKS[what], until, seconds)


def hold_snapshot(url: str, until: threading.Event, seconds: float) -> None:
    """Keep a snapshot open, as a dump or a report does: no dead row is removed meanwhile."""
    _idle_after(url, "select count(*) from jobs", until, seconds)


def _idle_after(url: str, sql: str, until: threading.Event, seconds: float) -> None:
    """Leave a transaction open in a session that nothing ends because it idles."""
    with contextlib.suppress(psycopg.Error), connect(url, name=_NAME) as connection:
        connection.execute("set idle_in_transaction_session_timeout = 0")
        connection.execute("begin isolation level repeatable read")
        connection.execute(sql.encode())
        until.wait(seconds)
        connection.execute("rollback")
