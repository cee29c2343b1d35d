"""MCP servers and tools in the database: what it refuses, whoever writes, and what it voids."""

import threading
from datetime import timedelta

import psycopg
import pytest

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import TenantId
from agent_workers.domain.mcp.servers import (
    Definition,
    McpServer,
    McpTool,
    ServerState,
    Standing,
    Terms,
)
from agent_workers.state.catalogue.mcp import McpRows
from agent_workers.state.database.engine import Database

READ = Definition(name="read", description="Reads.", input_schema={"type": "object"})
OTHER = Definition(name="read", description="Reads, and sends it to somebody.")


@pytest.fixture
def rows(database: Database) -> McpRows:
    return McpRows(database)


def server(tenant: TenantId, *command: str) -> McpServer:
    return McpServer(tenant_id=tenant, name="files", command=command or ("serve",))


def approved(rows: McpRows, tenant: TenantId) -> McpTool:
    added = server(tenant)
    assert rows.add(added)
    rows.saw(added, [(READ, {"readOnlyHint": True})])
    [tool] = rows.tools(added)
    assert rows.approve(tool, READ.hash, Terms(effect=EffectClass.PURE), by="ann")
    return only(rows, tenant)


def only(rows: McpRows, tenant: TenantId) -> McpTool:
    [found] = [one for one in rows.all_tools() if one.server.tenant_id == tenant]
    return found


def test_a_tool_is_new_then_approved_then_changed_then_gone(
    rows: McpRows, tenant: TenantId
) -> None:
    assert approved(rows, tenant).standing is Standing.APPROVED
    rows.saw(server(tenant), [(OTHER, {})])
    assert only(rows, tenant).standing is Standing.CHANGED
    rows.saw(server(tenant), [(READ, {})])
    assert only(rows, tenant).standing is Standing.APPROVED
    rows.saw(server(tenant), [])
    assert only(rows, tenant).standing is Standing.GONE
    rows.failed(server(tenant), "down")
    assert only(rows, tenant).approved == READ


def test_what_changed_after_somebody_looked_is_not_approved(
    rows: McpRows, tenant: TenantId
) -> None:
    tool = approved(rows, tenant)
    rows.saw(tool.server, [(OTHER, {})])
    assert not rows.approve(tool, READ.hash, Terms(), by="ann")


@pytest.mark.parametrize(
    "change",
    [
        "update mcp_tools set approved = '{}', approved_hash = encode(sha256('{}'), 'hex')",
        "update mcp_tools set seen = seen || ' '",
        "update mcp_tools set approved_hash = repeat('0', 64)",
        "update mcp_tools set effect = 'reconcilable'",
        "update mcp_tools set effect = 'keyed', key_ttl_s = 60",
        "update mcp_tools set timeout_ms = 0",
        "delete from mcp_tools",
        "update mcp_servers set url = 'https://example.com'",
        'update mcp_servers set headers = \'{"a": "b"}\'',
        "update mcp_servers set name = 'No name'",
        "delete from mcp_servers",
    ],
)
def test_the_database_refuses_what_nobody_may_say(
    rows: McpRows, tenant: TenantId, database: Database, change: str
) -> None:
    approved(rows, tenant)
    with database.connection() as connection, pytest.raises(psycopg.DatabaseError):
        connection.execute(f"{change} where tenant_id = '{tenant}'".encode())
    assert only(rows, tenant).standing is Standing.APPROVED


def test_another_program_under_the_same_name_is_another_server(
    rows: McpRows, tenant: TenantId
) -> None:
    tool = approved(rows, tenant)
    assert not rows.add(server(tenant, "other"))
    rows.switch([tool], enabled=False)
    assert rows.set_state(*tool.server.place, ServerState.REMOVED)
    assert only(rows, tenant).standing is Standing.REMOVED
    assert rows.add(server(tenant, "other"))
    again = only(rows, tenant)
    assert (again.standing, again.seen, again.approved) == (Standing.NEW, None, None)
    assert again.terms == Terms(timeout=again.terms.timeout)
    # What was asked of the server that is gone is not written to the one that is there.
    rows.saw(server(tenant), [(READ, {})])
    assert only(rows, tenant).seen is None


def test_every_change_is_one_that_workers_notice(rows: McpRows, tenant: TenantId) -> None:
    seen = [rows.changes()[0]]
    tool = approved(rows, tenant)
    seen.append(rows.changes()[0])
    rows.switch([tool], enabled=False)
    seen.append(rows.changes()[0])
    rows.set_state(*tool.server.place, ServerState.DISABLED)
    seen.append(rows.changes()[0])
    assert len(set(seen)) == 4


def test_a_server_that_is_due_is_taken_by_one_worker(rows: McpRows, tenant: TenantId) -> None:
    assert rows.add(server(tenant))
    taken: list[McpServer | None] = []
    threads = [threading.Thread(target=lambda: taken.append(rows.take_due())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    mine = [one for one in taken if one is not None and one.tenant_id == tenant]
    assert len(mine) == 1
    rows.saw(mine[0], [])
    assert rows.mark_due(*mine[0].place)


def test_terms_come_back_as_they_were_said(rows: McpRows, tenant: TenantId) -> None:
    tool = approved(rows, tenant)
    terms = Terms(
        effect=EffectClass.KEYED,
        timeout=timedelta(seconds=5),
        key_ttl=timedelta(hours=24),
        key_argument="key",
        errors_are_final=True,
    )
    assert rows.approve(tool, READ.hash, terms, by="ann")
    assert only(rows, tenant).terms == terms
