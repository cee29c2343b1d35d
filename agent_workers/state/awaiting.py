"""Waits for Postgres and our schema in it, for a bounded time: things are started in any order."""

import re
import time
from collections.abc import Callable, Sequence
from contextlib import closing

import psycopg
import structlog
from sqlalchemy.exc import DBAPIError

from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.running.exits import Away, WronglyTold
from agent_workers.domain.text.addresses import reason_of, shown_address
from agent_workers.state.database.engine import Database
from agent_workers.state.database.schema import lacking
from agent_workers.state.jobs.reads import Reads

log = structlog.get_logger(__name__)

SAID_EVERY_S = 5.0
_LOOK_EVERY_S = 0.5
# What Postgres says to a login that will be no better later. It may say so in another language:
# then we wait for nothing, and say its words all the same.
_REFUSED = re.compile(
    r"password authentication failed|no password supplied|no pg_hba\.conf entry"
    r"|(role|database) \".*\" does not exist|permission denied for database"
)
_GRANT = "run `agent-workers migrate` as the owner, which grants them"
_NEXT = "is it running? `agent-workers doctor` says more"


def await_database(
    url: str,
    *,
    patience_s: float | None,
    schema: Sequence[str] = (),
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Return once Postgres answers, and has the migrations in `schema`, all of this release.

    A line every few seconds says what is waited for. What is away for longer is `Away`; None: for ever.
    """
    began = clock()
    said_at = began - SAID_EVERY_S
    with closing(Database(url, pool_size=1, name="agent_workers starting")) as database:
        while (trouble := _trouble(database, schema)) is not None:
            now = clock()
            left_s = None if patience_s is None else patience_s - (now - began)
            if left_s is not None and left_s <= 0:
                raise Away(trouble)
            if now - said_at >= SAID_EVERY_S:
                said_at = now
                left = {} if left_s is None else {"for_another_s": round(left_s)}
                log.warning("waiting_for_database", why=trouble, **left)
            sleep(_LOOK_EVERY_S if left_s is None else min(_LOOK_EVERY_S, left_s))


def _trouble(database: Database, schema: Sequence[str]) -> str | None:
    place = shown_address(database.url)
    try:
        stands_at = Reads(database).schema_revision()
    except StateUnavailable as error:
        why = reason_of(error)
        if _REFUSED.search(str(error)):
            raise WronglyTold(
                f"Postgres at {place} refuses the login ({why}): correct the user, the password or the"
                " name of the database in AGENT_DATABASE_URL"
            ) from error
        return f"Postgres at {place} does not answer ({why}): {_NEXT}"
    except (psycopg.errors.InsufficientPrivilege, DBAPIError) as error:
        # The pool's own first look is SQLAlchemy's, which wraps what it meets.
        why = reason_of(error.orig if isinstance(error, DBAPIError) and error.orig else error)
        return (
            f"the role of AGENT_DATABASE_URL lacks rights in Postgres at {place} ({why}): {_GRANT}"
        )
    lacks = lacking(stands_at, schema) if schema else None
    return (
        f"the agent_workers schema in Postgres at {place} is not ready ({lacks})" if lacks else None
    )
