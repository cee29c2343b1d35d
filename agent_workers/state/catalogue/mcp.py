"""MCP servers and their tools in Postgres: added, looked at, approved, and what workers know."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Final

from psycopg.errors import UndefinedTable
from psycopg.types.json import Jsonb

from agent_workers.domain.codec import plain
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.ids import TenantId
from agent_workers.domain.mcp.servers import (
    Definition,
    McpServer,
    McpTool,
    ServerState,
    Terms,
    definition_of,
)
from agent_workers.state.database.engine import Connection, Database
from agent_workers.state.database.pages import Row

# What a server offers: each definition, with the hints that came beside it.
Offered = Sequence[tuple[Definition, Mapping[str, object]]]
_SERVER = (
    "tenant_id name command env url headers reads network state version created_by refreshed_at"
    " refresh_due_at error"
).split()
SERVER_FIELDS = ", ".join(f"s.{name}" for name in _SERVER)
_ONE_MS = timedelta(milliseconds=1)
# A worker that asks a server for its tools has so long; then another one may.
_REFRESH_LEASE: Final = "interval '2 minutes'"
_ADD = """
insert into mcp_servers as s (tenant_id, name, command, env, url, headers, reads, network,
                              created_by, refresh_due_at)
values (%(tenant_id)s, %(name)s, %(command)s, %(env)s, %(url)s, %(headers)s, %(reads)s,
        %(network)s, %(created_by)s, case when %(due)s then clock_timestamp() end)
on conflict (tenant_id, name) do update
   set command = excluded.command, env = excluded.env, url = excluded.url,
       headers = excluded.headers, reads = excluded.reads, network = excluded.network,
       created_by = excluded.created_by, created_at = clock_timestamp(), state = 'enabled',
       refresh_due_at = excluded.refresh_due_at, refreshed_at = null, error = ''
 where s.state = 'removed'"""
_SERVERS = f"""
select {SERVER_FIELDS} from mcp_servers s
 where (%(tenant)s::text is null or tenant_id in (%(tenant)s, '*')) and state <> 'removed'
 order by name, tenant_id"""
_TOOLS = f"""
select t.name, t.seen, t.approved, t.hints, t.approved_by, t.effect, t.timeout_ms, t.key_ttl_s,
       t.key_argument, t.errors_are_final, t.enabled, {SERVER_FIELDS}
  from mcp_tools t join mcp_servers s on s.tenant_id = t.tenant_id and s.name = t.server"""
_OWN = 11
_OF_SERVER = f"{_TOOLS} where t.tenant_id = %s and t.server = %s order by t.name"
_ALL_TOOLS = f"{_TOOLS} order by t.tenant_id, t.server, t.name"
_MARK = """
update mcp_servers set refresh_due_at = clock_timestamp()
 where tenant_id = %s and name = %s and state = 'enabled'"""
_TAKE = f"""
update mcp_servers s set refresh_due_at = clock_timestamp() + {_REFRESH_LEASE}
 where (tenant_id, name) = (
   select tenant_id, name from mcp_servers
    where refresh_due_at <= clock_timestamp() and state = 'enabled'
    order by refresh_due_at for update skip locked limit 1)
returning {SERVER_FIELDS}"""
_STATE = """
update mcp_servers set state = %s, env = case when %s then '{}' else env end,
       headers = case when %s then '{}' else headers end, refresh_due_at = null
 where tenant_id = %s and name = %s and state <> 'removed'"""
_LOOKED = """
update mcp_servers set refreshed_at = clock_timestamp(), refresh_due_at = null, error = %s
 where tenant_id = %s and name = %s and command = %s and url = %s"""
_FAILED = _LOOKED.replace("refreshed_at = clock_timestamp(), ", "")
_SAW = """
insert into mcp_tools as t (tenant_id, server, name, seen, seen_hash, seen_at, hints)
values (%(tenant_id)s, %(server)s, %(name)s, %(seen)s, %(hash)s, clock_timestamp(), %(hints)s)
on conflict (tenant_id, server, name) do update
   set seen = excluded.seen, seen_hash = excluded.seen_hash, seen_at = excluded.seen_at,
       hints = excluded.hints
 where (t.seen_hash, t.hints) is distinct from (excluded.seen_hash, excluded.hints)"""
_UNSEEN = """
update mcp_tools set seen = null, seen_hash = null
 where tenant_id = %s and server = %s and name <> all(%s) and seen is not null"""
_APPROVE = """
update mcp_tools
   set approved = seen, approved_hash = seen_hash, approved_at = clock_timestamp(),
       approved_by = %(by)s, effect = %(effect)s, timeout_ms = %(timeout_ms)s,
       key_ttl_s = %(key_ttl_s)s, key_argument = %(key_argument)s,
       errors_are_final = %(errors_are_final)s, enabled = true
 where tenant_id = %(tenant_id)s and server = %(server)s and name = %(name)s
   and seen_hash = %(hash)s"""
_SWITCH = "update mcp_tools set enabled = %s where tenant_id = %s and server = %s and name = %s"
_SUMS = """
select (select coalesce(sum(version), 0)::bigint from mcp_servers),
       (select coalesce(sum(version), 0)::bigint from mcp_tools),
       exists (select from mcp_servers
                where refresh_due_at <= clock_timestamp() and state = 'enabled')"""


def known_at(url: str) -> list[McpTool]:
    """Return every tool that was ever seen; none where there is no database, or an old one."""
    if not url:
        return []
    database = Database(url, pool_size=1, name="agent_workers")
    try:
        return McpRows(database).all_tools()
    except (StateUnavailable, UndefinedTable):
        return []
    finally:
        database.close()


class McpRows:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, server: McpServer, *, due: bool = True) -> bool:
        """Add a server; `due`: a worker shall ask it. False when there is one of this name."""
        values = {name: getattr(server, name) for name in _SERVER}
        values["due"] = due
        values |= {"command": list(server.command), "reads": list(server.reads)}
        values |= {"env": Jsonb(dict(server.env)), "headers": Jsonb(dict(server.headers))}
        with self._database.connection() as connection:
            return connection.execute(_ADD, values).rowcount > 0

    def servers(self, tenant_id: TenantId | None = None) -> list[McpServer]:
        """Return the servers that a tenant may use; without one, those of all tenants."""
        with self._database.connection() as connection:
            rows = connection.execute(_SERVERS, {"tenant": tenant_id}).fetchall()
        return [server_of(row) for row in rows]

    def tools(self, server: McpServer) -> list[McpTool]:
        with self._database.connection() as connection:
            return [_tool(row) for row in connection.execute(_OF_SERVER, server.place)]

    def all_tools(self) -> list[McpTool]:
        """Return every tool that was ever seen, those of removed servers too."""
        with self._database.connection() as connection:
            return [_tool(row) for row in connection.execute(_ALL_TOOLS)]

    def changes(self) -> tuple[tuple[int, int], bool]:
        """Return what differs whenever anything here does, and whether a server is to be asked."""
        with self._database.connection() as connection:
            row = connection.execute(_SUMS).fetchone()
        assert row is not None
        return (row[0], row[1]), row[2]

    def mark_due(self, tenant_id: TenantId, name: str) -> bool:
        """Let a worker ask a server for its tools."""
        with self._database.connection() as connection:
            return connection.execute(_MARK, (tenant_id, name)).rowcount > 0

    def take_due(self) -> McpServer | None:
        """Take a server that shall be asked; each is taken by one worker."""
        with self._database.connection() as connection:
            row = connection.execute(_TAKE).fetchone()
        return None if row is None else server_of(row)

    def set_state(self, tenant_id: TenantId, name: str, state: ServerState) -> bool:
        """Enable, disable or remove a server; what may name a secret goes with a removed one."""
        is_removed = state is ServerState.REMOVED
        given = (state.value, is_removed, is_removed, tenant_id, name)
        with self._database.connection() as connection:
            return connection.execute(_STATE, given).rowcount > 0

    def saw(self, server: McpServer, offered: Offered, *, error: str = "") -> None:
        """Write down what a server offers now, unless it is another server by now."""
        names = [definition.name for definition, _ in offered]
        with self._database.transaction() as connection:
            if not _looked(connection, _LOOKED, server, error):
                return
            for definition, hints in offered:
                connection.execute(_SAW, _seen(server, definition, hints))
            connection.execute(_UNSEEN, (*server.place, names))

    def failed(self, server: McpServer, error: str) -> None:
        """Write down that a server could not be asked; what is known of its tools stays."""
        with self._database.connection() as connection:
            _looked(connection, _FAILED, server, error)

    def approve(self, tool: McpTool, seen_hash: str, terms: Terms, *, by: str) -> bool:
        """Approve what was seen; False when it has changed since."""
        values = {
            "tenant_id": tool.server.tenant_id,
            "server": tool.server.name,
            "name": tool.name,
            "hash": seen_hash,
            "by": plain(by),
            "effect": terms.effect.value,
            "timeout_ms": round(terms.timeout / _ONE_MS),
            "key_ttl_s": terms.key_ttl and round(terms.key_ttl.total_seconds()),
            "key_argument": terms.key_argument,
            "errors_are_final": terms.errors_are_final,
        }
        with self._database.connection() as connection:
            return connection.execute(_APPROVE, values).rowcount > 0

    def switch(self, tools: Iterable[McpTool], *, enabled: bool) -> None:
        """Let nobody call these tools, or again."""
        with self._database.transaction() as connection:
            for tool in tools:
                connection.execute(_SWITCH, (enabled, *tool.server.place, tool.name))


def _looked(connection: Connection, statement: str, server: McpServer, error: str) -> bool:
    reached = (list(server.command), server.url)
    return connection.execute(statement, (plain(error), *server.place, *reached)).rowcount > 0


def _seen(
    server: McpServer, definition: Definition, hints: Mapping[str, object]
) -> dict[str, object]:
    return {
        "tenant_id": server.tenant_id,
        "server": server.name,
        "name": definition.name,
        "seen": definition.text,
        "hash": definition.hash,
        "hints": Jsonb(dict(hints)),
    }


def server_of(row: Row) -> McpServer:
    told = dict(zip(_SERVER, row, strict=True))
    lists = {name: tuple(told[name]) for name in ("command", "reads")}
    return McpServer(**told | lists | {"state": ServerState(told["state"])})


def _tool(row: Row) -> McpTool:
    name, seen, approved, hints, by, effect, timeout_ms, ttl_s, key, final, enabled = row[:_OWN]
    terms = Terms(
        effect=EffectClass(effect),
        timeout=timeout_ms * _ONE_MS,
        key_ttl=None if ttl_s is None else timedelta(seconds=ttl_s),
        key_argument=key,
        errors_are_final=final,
    )
    return McpTool(
        server=server_of(row[_OWN:]),
        name=name,
        seen=None if seen is None else definition_of(seen),
        approved=None if approved is None else definition_of(approved),
        terms=terms,
        enabled=enabled,
        hints=hints,
        approved_by=by,
    )
