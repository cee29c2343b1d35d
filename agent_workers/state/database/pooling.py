"""Looks at a database through the connection that workers use: does a pooler change what they count on?"""

from collections.abc import Mapping
from dataclasses import dataclass

import psycopg

from agent_workers.domain.errors import StateUnavailable
from agent_workers.state.database.engine import opened
from agent_workers.state.database.session_settings import wrong

_PID = "select pg_backend_pid()"
# Others take connections from the pooler meanwhile: one look may see nothing.
_LOOKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSeen:
    """What a connection is like once it has gone through whatever is in between."""

    wrong: Mapping[str, str]
    is_pooled: bool
    # A pooler that gives each transaction another server process.
    is_shared: bool


def look_at(url: str) -> SessionSeen:
    """See how a connection is set, and whether it is a session of our own."""
    try:
        session, seen = opened(url, name="agent_workers look")
        with session:
            pooled = session.pooled
        shared = pooled and shares_sessions(url)
    except psycopg.OperationalError as error:
        raise StateUnavailable(str(error).strip()) from error
    return SessionSeen(wrong=wrong(seen), is_pooled=pooled, is_shared=shared)


def shares_sessions(url: str) -> bool:
    """Say whether two connections of ours meet in one server process, or one has several."""
    one, _ = opened(url, name="agent_workers look")
    with one:
        other, _ = opened(url, name="agent_workers look")
        with other:
            for _ in range(_LOOKS):
                before = one.execute(_PID, prepare=False).fetchone()
                with other.transaction():
                    between = other.execute(_PID, prepare=False).fetchone()
                if before == between or one.execute(_PID, prepare=False).fetchone() != before:
                    return True
    return False
