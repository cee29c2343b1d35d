"""Every statement says whose rows it means, but for the few that work for all tenants at once."""

import re
from collections import defaultdict

import pytest

from tests.support.schema import tables
from tests.support.statements import of_functions, of_modules
from tests.support.tenancy import TENANT, unbound

TABLES = {table for table, columns in tables().items() if TENANT in columns}
# Processes, and what they can do: no tenant's.
WITHOUT_TENANT = {"bytes_counted", "incarnations", "relays", "tools", "worker_reports", "workers"}
_WORD = re.compile(r"\w+")
_SWEEP = "finds what is due or lost, whosever it is"
_CLAIM = "finds work, and goes round the tenants by itself where they must have turns"
_COUNT = "counts for an operator, or for a keeper's next look; no row of anybody leaves it"
_OPERATOR = "an operator's list, of all tenants"
_SHARED = "tells of a tool or a model what all tenants have of it"
ACROSS_TENANTS = {
    "claim_oldest": _CLAIM,
    "look_for_turns": _CLAIM,
    "is_more_due": _CLAIM,
    "next_tenant": _CLAIM,
    "remember_ready": _CLAIM,
    "count_bytes": _SWEEP,
    "keep_batches": _SWEEP,
    "keep_sessions": _SWEEP,
    "extend_grants": _SWEEP,
    "forget_dead_letters": _SWEEP,
    "forget_expired_memories": _SWEEP,
    "forget_webhooks": _SWEEP,
    "free_deliveries": _SWEEP,
    "free_expired": _SWEEP,
    "free_lost": _SWEEP,
    "wake_for_worker": _SWEEP,
    "open_permits": _SWEEP,
    "pass_deadlines": _SWEEP,
    "relay_batch": _SWEEP,
    "ring_again": _SWEEP,
    "catalogue.mcp._TAKE": _SWEEP,
    "schedules.firing._TURNS": _SWEEP,
    "schedules.firing._NEXT_WAITING": _SWEEP,
    "schedules.firing._SLEEP": _COUNT,
    "look_around": _COUNT,
    "database.diagnosis._EVENTS": _COUNT,
    "database.diagnosis._LACKING": _COUNT,
    "database.diagnosis._NEEDED": _COUNT,
    "database.diagnosis._PARKED": _COUNT,
    "database.diagnosis._SCHEDULES": _COUNT,
    "database.diagnosis._WAITING": _COUNT,
    "database.diagnosis._WEBHOOKS": _COUNT,
    "catalogue.mcp._SUMS": _COUNT,
    "memories.indexes._DIMENSIONS": _COUNT,
    "memories.indexes._MODELS": _COUNT,
    "jobs.relays._AGE": _COUNT,
    "catalogue.agent_versions._EVERYWHERE": _OPERATOR,
    "catalogue.agent_versions._TAKING_JOBS": _OPERATOR,
    "catalogue.breakers._ALL": _OPERATOR,
    "catalogue.mcp._ALL_TOOLS": _OPERATOR,
    "catalogue.mcp._SERVERS": _OPERATOR,
    "access.quotas._NEARLY_FULL": _OPERATOR,
    "memories.indexes._STALE": "an operator has every memory embedded again by another model",
    "catalogue.breakers._INSERT": _SHARED,
    "catalogue.breakers._ONE": _SHARED,
    "catalogue.breakers._TROUBLED": _SHARED,
    "has_free_place": _SHARED,
    "lock_tool_places": _SHARED,
    "next_at_tool": _SHARED,
    "tenants_at_breaker": _SHARED,
    "add_items": "names the tenant in a row: (custom_id, tenant_id, batch_id)",
    "keep_agent_version": "the agents of everybody are seen by all, in an `or`",
    "access.keys._FIND": "the key says which tenant asks",
    "access.keys._USED": "as `_FIND` has found it",
    "steps.workers._HELD": "what one worker holds, of whichever tenants",
    "steps.workers._LEAVE": "what one worker holds, of whichever tenants",
    "steps.workers._REGISTER": "a worker that lives is suspected by none",
    "proving.disturbing.hold_snapshot": "a disturbance for tests of ours; what it reads is thrown away",
}


@pytest.fixture(scope="module")
def found() -> dict[str, set[str]]:
    """Where a statement touches a table without its tenant."""
    places: dict[str, set[str]] = defaultdict(set)
    for statement in (*of_functions(), *of_modules()):
        names_some = not TABLES.isdisjoint(_WORD.findall(statement.text))
        places[statement.place].update(unbound(statement.text, TABLES) if names_some else ())
    return places


def test_every_statement_is_bound_to_a_tenant(found: dict[str, set[str]]) -> None:
    across = {place: tables for place, tables in found.items() if tables}
    unexpected = {place: tables for place, tables in across.items() if place not in ACROSS_TENANTS}
    assert not unexpected, "say `tenant_id = …` of these tables, or why not in ACROSS_TENANTS"


def test_no_exception_has_become_needless(found: dict[str, set[str]]) -> None:
    assert {place for place in ACROSS_TENANTS if not found.get(place)} == set()


def test_all_statements_are_read(found: dict[str, set[str]]) -> None:
    """So that a new way of writing them down does not go by unseen."""
    assert {"record_attempt", "tenants_at_breaker", "webhooks.endpoints._ENABLE"} <= found.keys()
    assert len(found) > 250


def test_a_table_belongs_to_tenants_unless_it_is_of_processes() -> None:
    assert tables().keys() - TABLES == WITHOUT_TENANT


@pytest.mark.parametrize(
    "text",
    [
        "select 1 from jobs where job_id = $1",
        "select 1 from jobs where tenant_id = $1 or job_id = $2",
        (
            "select 1 from jobs j where exists (select from steps s where s.job_id = j.job_id"
            " and j.tenant_id = $1)"
        ),
        "select 1 from jobs j join steps s on s.job_id = j.job_id where j.tenant_id = $1",
        "update steps set due_at = now() from jobs j where j.tenant_id = $1",
        "with gone as (delete from steps where job_id = $2) select 1 from jobs where tenant_id = $1",
        "insert into jobs (tenant_id, job_id) values ($1, $2) on conflict (job_id) do nothing",
        "select (select count(*) from steps)",
    ],
)
def test_what_does_not_name_the_tenant_is_seen(text: str) -> None:
    assert unbound(text, {"jobs", "steps"})


@pytest.mark.parametrize(
    "text",
    [
        "select 1 from jobs where tenant_id = $1 and job_id = any($2)",
        "select 1 from jobs j join steps s using (tenant_id, job_id) where j.tenant_id = $1",
        (
            "select 1 from jobs j, steps s where (j.tenant_id, j.job_id) = (s.tenant_id, s.job_id)"
            " and s.tenant_id = $1"
        ),
        (
            "delete from jobs where (tenant_id, job_id) in (select tenant_id, job_id from steps"
            " where tenant_id = $1)"
        ),
        "insert into jobs (tenant_id) values ($1) on conflict (tenant_id, job_id) do nothing",
    ],
)
def test_what_names_the_tenant_passes(text: str) -> None:
    assert unbound(text, {"jobs", "steps"}) == []
