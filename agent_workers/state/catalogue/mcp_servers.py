"""The MCP servers of a tenant, in pages."""

from agent_workers.domain.ids import TenantId
from agent_workers.domain.mcp.servers import McpServer
from agent_workers.state.catalogue.mcp import SERVER_FIELDS, server_of
from agent_workers.state.database.engine import Database
from agent_workers.state.database.pages import Page, read_page

# Two servers may have one name: a tenant's own, and one that is everybody's.
_PAGE = f"""
select {SERVER_FIELDS} from mcp_servers s
 where tenant_id in (%(tenant_id)s, '*') and state <> 'removed'
   and (%(name)s::text is null or (name, tenant_id) > (%(name)s, %(of)s::text))
 order by name, tenant_id"""

Place = tuple[TenantId, str]


class McpServers:
    def __init__(self, database: Database) -> None:
        self._database = database

    def page(
        self, tenant_id: TenantId, *, limit: int, behind: Place | None = None
    ) -> Page[McpServer]:
        """Return the servers that a tenant may use, in the order of their names."""
        of, name = behind or (None, None)
        asked = {"tenant_id": tenant_id, "of": of, "name": name}
        return read_page(self._database, _PAGE, asked, limit=limit, seen=server_of)
