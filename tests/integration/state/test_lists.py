"""However many jobs there are, a page of them is found by reading little more than the page."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from agent_workers.domain.ids import TenantId
from agent_workers.domain.job import JobStatus
from agent_workers.state.database.engine import Database
from agent_workers.state.database.pages import page_statement
from agent_workers.state.jobs.reads import JobQuery, Reads, page_arguments, page_sql

pytestmark = pytest.mark.breaks_rows("its jobs are made by one statement, without steps or journal")

_JOBS = 200_000
_MOST_ROWS = 300
# One job in ten thousand is not like the others, and all of those are old.
_FILL = """
with made as (
  insert into jobs (tenant_id, job_id, root_id, agent, status, input, max_steps, metadata, user_id,
                    session_id, created_at, started_at, finished_at)
  select %(tenant)s, ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
         gen_random_uuid(), 'demo',
         case when n %% 10000 <> 7 then 'succeeded' when n < 100000 then 'failed'
              else 'canceled' end, '{}', 10,
         jsonb_build_object('kind', case when n %% 10000 = 7 then 'odd' else 'even' end,
                            'all', 'same'),
         case when n %% 10000 = 7 then 'rare' else 'u' || n %% 100 end,
         case when n %% 10000 = 7 then 'long ago' else 's' || n %% 100 end,
         timestamptz '2026-01-01' + n * interval '1 second',
         timestamptz '2026-01-01', timestamptz '2026-01-02'
    from generate_series(1, %(jobs)s) n
  returning tenant_id, job_id, created_at, metadata)
insert into job_labels (tenant_id, label, at, job_id)
select tenant_id, label_of(pair.key, pair.value), created_at, job_id
  from made, jsonb_each_text(metadata) pair"""


@pytest.fixture(scope="module")
def filled(database: Database) -> TenantId:
    tenant_id = TenantId("a tenant with many jobs")
    with database.connection() as connection:
        connection.execute("set session_replication_role = replica")  # no guards, only rows
        connection.execute("set statement_timeout = 0")
        connection.execute(_FILL, {"tenant": tenant_id, "jobs": _JOBS})
        connection.execute("analyze jobs")
        connection.execute("analyze job_labels")
        connection.execute("reset session_replication_role")
        connection.execute("set statement_timeout = 30000")
    return tenant_id


# Any: plans are JSON.
def rows_read(plan: Mapping[str, Any]) -> int:
    inner: list[Mapping[str, Any]] = plan.get("Plans", [])
    own = 0 if inner else int(plan["Actual Rows"])
    own += int(plan.get("Rows Removed by Filter", 0))
    own += int(plan.get("Rows Removed by Index Recheck", 0))
    return own * int(plan["Actual Loops"]) + sum(rows_read(one) for one in inner)


def measured(database: Database, query: JobQuery) -> tuple[int, int]:
    """How many rows a page has, and how many were read for it."""
    with database.connection() as connection:
        given = {"limit": query.limit, "page_bytes": database.page_bytes}
        arguments = page_arguments(connection, query) | given
        statement = page_statement(database, connection, page_sql(query), arguments)
        explain = b"explain (analyze, format json, timing off) " + statement
        row = connection.execute(explain, arguments).fetchone()
    assert row is not None
    return len(Reads(database).page(query).rows), rows_read(row[0][0]["Plan"])


_MIDDLE = (datetime(2026, 1, 2, tzinfo=UTC), UUID(int=0))
_QUERIES: dict[str, tuple[dict[str, Any], int]] = {
    "all": ({}, 50),
    "many": ({"status": JobStatus.SUCCEEDED}, 50),
    "few": ({"status": JobStatus.FAILED}, 10),
    "none": ({"status": JobStatus.IN_DOUBT}, 0),
    "running": ({"status": JobStatus.RUNNING}, 0),
    "a user": ({"user_id": "u3"}, 50),
    "a rare user": ({"user_id": "rare"}, 20),
    "nobody": ({"user_id": "nobody"}, 0),
    "a session": ({"session_id": "s3"}, 50),
    "a rare session": ({"session_id": "long ago"}, 20),
    "metadata of all": ({"metadata": json.dumps({"all": "same"})}, 50),
    "rare metadata": ({"metadata": json.dumps({"kind": "odd"})}, 20),
    "rare and common metadata": ({"metadata": json.dumps({"all": "same", "kind": "odd"})}, 20),
    "unknown metadata": ({"metadata": json.dumps({"kind": "none"})}, 0),
    "a rare user's failures": ({"user_id": "rare", "status": JobStatus.FAILED}, 10),
}


@pytest.mark.parametrize("name", _QUERIES)
def test_a_page_is_found_by_reading_little_more_than_the_page(
    database: Database, filled: TenantId, name: str
) -> None:
    members, count = _QUERIES[name]
    query = replace(JobQuery(tenant_id=filled, limit=50), **members)
    for _ in range(8):  # a plan that is kept comes after the sixth time
        found, read = measured(database, query)
        assert found == count
        assert read <= _MOST_ROWS
    found, read = measured(database, replace(query, behind=_MIDDLE))
    assert found <= count
    assert read <= _MOST_ROWS
