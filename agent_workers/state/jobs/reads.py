"""Reading jobs as callers may see them; payloads stay the bytes that were stored."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.job import JobOptions, JobStatus
from agent_workers.state.database.engine import Connection, Database
from agent_workers.state.database.pages import Page, read_page

_WAITING_FOR = """
 case when finished_at is null and started_at is not null
      then waiting_for(tenant_id, job_id, open_steps)
      when finished_at is null and created_at < clock_timestamp() - interval '2 seconds'
      then coalesce(
             case when session_id <> '' then nullif(waiting_for_turn(tenant_id, job_id), '[]') end,
             waiting_for(tenant_id, job_id, open_steps))
      when finished_at is null and session_id <> '' then waiting_for_turn(tenant_id, job_id)
      else '[]' end"""
_VERSIONS = """
select tenant_id, job_id, journal_number from jobs
  join unnest(%s::text[], %s::uuid[]) as asked(tenant_id, job_id) using (tenant_id, job_id)"""
# Which of these pairs of metadata the fewest jobs have: nobody counts on when there are many.
_RAREST = """
select name from unnest(%s::text[], %s::text[]) as pairs (name, value),
       lateral (select count(*) as jobs from (
         select from job_labels where tenant_id = %s and label = label_of(name, value) limit 200) l) c
 order by jobs limit 1"""

Place = tuple[TenantId, JobId]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSeen(JobOptions):
    """A job's row as its caller may see it: columns by their names, and how it is when it is new.

    JSON in `input`, `output`, `error` and `metadata`.
    """

    job_id: JobId
    agent: str
    created_at: datetime
    workflow: str = ""
    status: JobStatus = JobStatus.QUEUED
    status_detail: str | None = None
    metadata: str = "{}"
    parent_id: UUID | None = None
    next_position: int = 1
    version: int = 1
    spent_micro: int = 0
    allowance_micro: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    tool_calls: int = 0
    cancel_reason: str | None = None
    error: bytes | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    deadline_at: datetime | None = None
    batch_id: UUID | None = None
    schedule_id: UUID | None = None
    # What its parked steps wait for, as a JSON array.
    waiting_for: str = "[]"
    agent_version: str = ""
    # JSON: in which ways the result is less than what was asked for.
    degraded: str = "[]"
    input: bytes | None = None
    output: bytes | None = None

    @property
    def finished(self) -> bool:
        return self.finished_at is not None


_FIELDS = tuple(one.name for one in fields(JobSeen))
# What is read under another name, or in another form, than that of its column.
_READ = {
    "metadata": "metadata::text",
    "degraded": "degraded::text",
    "version": "journal_number",
    "waiting_for": _WAITING_FOR,
}
_COLUMNS = ", ".join(_READ.get(name, name) for name in _FIELDS)
_LISTED = ", ".join(
    (_READ | {"input": "null", "output": "null"}).get(name, name) for name in _FIELDS
)
_ONE = f"select {_COLUMNS} from jobs where tenant_id = %s and job_id = %s"
_MANY = f"""
select {_COLUMNS}, tenant_id from jobs
  join unnest(%s::text[], %s::uuid[]) as asked(tenant_id, job_id) using (tenant_id, job_id)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """Which jobs of a tenant to list, newest first, from behind a place."""

    tenant_id: TenantId
    limit: int
    status: JobStatus | None = None
    agent: str | None = None
    metadata: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    created_after: datetime | None = None
    behind: tuple[datetime, UUID] | None = None


class Reads:
    def __init__(self, database: Database) -> None:
        self._database = database

    def job(self, tenant_id: TenantId, job_id: JobId) -> JobSeen | None:
        return self.jobs([(tenant_id, job_id)])[0]

    def jobs(self, places: Sequence[Place]) -> list[JobSeen | None]:
        """Read jobs that were asked for at the same time; None where the tenant has no such job."""
        with self._database.connection() as connection:
            if len(places) == 1:
                row = connection.execute(_ONE, places[0], binary=True).fetchone()
                return [None if row is None else _seen(row)]
            columns = ([str(t) for t, _ in places], [UUID(int=j.int) for _, j in places])
            rows = connection.execute(_MANY, columns, binary=True).fetchall()
        found = {(row[-1], seen.job_id): seen for row in rows for seen in [_seen(row)]}
        return [found.get(place) for place in places]

    def versions(self, places: Sequence[Place]) -> dict[Place, int]:
        """Return how far these jobs' journals have grown."""
        columns = ([str(t) for t, _ in places], [UUID(int=j.int) for _, j in places])
        with self._database.connection() as connection:
            rows = connection.execute(_VERSIONS, columns).fetchall()
        return {(tenant_id, job_id): version for tenant_id, job_id, version in rows}

    def page(self, query: JobQuery) -> Page[JobSeen]:
        with self._database.connection() as connection:
            arguments = page_arguments(connection, query)
        sql = page_sql(query)
        return read_page(self._database, sql, arguments, limit=query.limit, seen=_seen)

    def schema_revision(self) -> str | None:
        """Return the migration that this database stands at; None when it was never migrated."""
        with self._database.connection() as connection:
            there = connection.execute(
                "select to_regclass('agent_workers.alembic_version')"
            ).fetchone()
            if there is None or there[0] is None:
                return None
            row = connection.execute(
                "select version_num from agent_workers.alembic_version"
            ).fetchone()
        return None if row is None else str(row[0])


def page_sql(query: JobQuery) -> str:
    """Ask for what the query asks for and nothing else.

    Each condition has an index in the order of the list; a statement for all questions would have
    a plan for all questions, which can use none of them.
    """
    source, at = "jobs", "created_at"
    asked = ["tenant_id = %(tenant_id)s"]
    if query.metadata is not None:
        source, at = "job_labels join jobs using (tenant_id, job_id)", "job_labels.at"
        asked += ["label = label_of(%(name)s, %(value)s)", "metadata @> %(metadata)s::jsonb"]
    if query.status is not None:
        asked.append("status = %(status)s")
    if query.agent is not None:
        asked.append("agent = %(agent)s")
    for column in ("user_id", "session_id"):
        value = getattr(query, column)
        if value is not None:
            # The second half is what the index holds.
            asked.append(f"{column} = %({column})s" + (f" and {column} <> ''" if value else ""))
    if query.created_after is not None:
        asked.append(f"{at} > %(created_after)s")
    if query.behind is not None:
        asked.append(f"({at}, job_id) < (%(at)s, %(job_id)s::uuid)")
    return (
        f"select {_LISTED} from {source} where {' and '.join(asked)}"
        f" order by {at} desc, job_id desc"
    )


def page_arguments(connection: Connection, query: JobQuery) -> dict[str, object]:
    arguments = {one.name: getattr(query, one.name) for one in fields(query)}
    if query.behind is not None:
        arguments |= {"at": query.behind[0], "job_id": query.behind[1]}
    if query.metadata is not None:
        pairs = json.loads(query.metadata)
        name = _rarest(connection, query.tenant_id, pairs)
        arguments |= {"name": name, "value": pairs[name]}
    return arguments


def _rarest(connection: Connection, tenant_id: TenantId, pairs: Mapping[str, str]) -> str:
    if len(pairs) == 1:
        return next(iter(pairs))
    arguments = (list(pairs), list(pairs.values()), tenant_id)
    row = connection.execute(_RAREST, arguments).fetchone()
    assert row is not None
    return str(row[0])


def _seen(row: Sequence[object]) -> JobSeen:
    values = dict(zip(_FIELDS, row, strict=False))
    values["status"] = _STATUSES[str(values["status"])]
    return JobSeen(**values)  # type: ignore[arg-type]  # the SELECT above is the type


_STATUSES = {status.value: status for status in JobStatus}
