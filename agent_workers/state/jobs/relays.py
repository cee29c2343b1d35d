"""Relays: how far each has told the journal, and which process may tell on."""

import json
from collections.abc import Collection
from uuid import UUID

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.running.exits import WRONG
from agent_workers.domain.running.journal_tail import Ahead, Entry, Telling, telling
from agent_workers.state.database.engine import Connection, Database

_HORIZON = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_BEGIN = f"case %s when 'now' then {_HORIZON} - 1 else (-2::numeric ^ 63)::bigint end"
_OPEN = f"""
insert into relays (name, told_xact) values (%s, {_BEGIN}) on conflict (name) do nothing"""
_REOPEN = f"""
update relays set told_xact = {_BEGIN}, ahead = '[]' where name = %s"""
# Transactions that this server has not begun yet were another server's: they become older than all
# of ours, in the order that they had.
_AGE = """
with foreign_ones as (
  select tenant_id, job_id, number from journal
   where xact >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint limit 20000)
update journal j set xact = xact - (2::numeric ^ 62)::bigint from foreign_ones f
 where (j.tenant_id, j.job_id, j.number) = (f.tenant_id, f.job_id, f.number)"""
_HOLD = f"""
update relays set holder = %s, lease_until = clock_timestamp() + make_interval(secs => %s)
 where name = %s and (holder = %s or lease_until is null or lease_until < clock_timestamp())
returning told_xact >= {_HORIZON}"""
_AHEAD = "select ahead::text from relays where name = %s"
_BATCH = """
select tenant_id, job_id, number, type, at, data, xact, early from relay_batch(%s, %s)"""
_TOLD = """
update relays set told_xact = %s, ahead = %s::jsonb, published = published + %s,
                  told_at = clock_timestamp()
 where name = %s and holder = %s"""
_LET_GO = "update relays set holder = null, lease_until = null where name = %s and holder = %s"


class RelayMisplaced(AgentWorkersError):
    """The database is younger than what the relay has told of it: it was restored from a dump."""

    exit_code = WRONG
    code = "relay_misplaced"


class Relays:
    """One relay, in the hands of one process at a time: `holder`."""

    def __init__(self, database: Database, *, name: str, holder: UUID) -> None:
        self._database = database
        self._name = name
        self._holder = holder

    def open(self, *, begin: str, again: bool = False) -> None:
        """Make the relay known, beginning `now` or at the `start`; `again` puts it there anew."""
        with self._database.connection() as connection:
            connection.execute(_OPEN, (self._name, begin))
            if again:
                while connection.execute(_AGE).rowcount:
                    pass
                connection.execute(_REOPEN, (begin, self._name))

    def hold(self, lease_s: float) -> bool:
        """Take the relay or keep it; false while another process has it."""
        place = (self._holder, lease_s, self._name, self._holder)
        with self._database.connection() as connection:
            row = connection.execute(_HOLD, place).fetchone()
        if row is not None and row[0]:
            raise RelayMisplaced(
                f"relay {self._name!r} has published more than this database contains:"
                " say where it continues, with --reposition and --from now or --from start"
            )
        return row is not None

    def next(self, most: int) -> Telling | None:
        """What is to be told next, in whole transactions; None when all is told."""
        with self._database.connection() as connection:
            rows = connection.execute(_BATCH, (self._name, most), binary=True).fetchall()
            if not rows:
                return None
            ahead = _ahead_of(connection, self._name)
        entries = [
            Entry(
                tenant_id=tenant_id,
                job_id=job_id,
                number=number,
                type=type_,
                at=at,
                data=data,
                xact=xact,
                early=early,
            )
            for tenant_id, job_id, number, type_, at, data, xact, early in rows
        ]
        return telling(entries, ahead)

    def told(self, done: Telling) -> bool:
        """Remember that these were told; false when another process has taken over meanwhile."""
        ahead = [[one.xact, one.tenant_id, one.job_id.hex, one.number] for one in done.ahead]
        row = (done.told_xact, json.dumps(ahead), len(done.entries), self._name, self._holder)
        with self._database.connection() as connection:
            return connection.execute(_TOLD, row).rowcount == 1

    def let_go(self) -> None:
        with self._database.connection() as connection:
            connection.execute(_LET_GO, (self._name, self._holder))


def _ahead_of(connection: Connection, name: str) -> Collection[Ahead]:
    row = connection.execute(_AHEAD, (name,)).fetchone()
    assert row is not None  # `open` has made it
    return [
        Ahead(xact, tenant, UUID(job), number) for xact, tenant, job, number in json.loads(row[0])
    ]
