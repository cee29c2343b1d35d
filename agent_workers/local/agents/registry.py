"""The agents and tools that a worker with these settings would have."""

from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.ids import TenantId
from agent_workers.domain.mcp.servers import WHY, Standing
from agent_workers.execution.agents.registry import NoSuchTool, Registry, load
from agent_workers.execution.mcp.tools import tools_for
from agent_workers.execution.tools.builtins import tools_at_hand
from agent_workers.settings import Settings
from agent_workers.state.catalogue.mcp import known_at


def registry_of(settings: Settings, tenant_id: TenantId = EVERYBODY) -> Registry:
    """Load what the settings name, beside what every installation has, and MCP servers offer."""
    at_hand = tools_at_hand(checks_mail=bool(settings.imap_url))
    of_servers = tools_for(tenant_id, known_at(settings.database_url))
    return load(settings.tools, beside=(*at_hand, *of_servers))


def look_ahead(settings: Settings) -> None:
    """Refuse what no worker would start with, as far as it shows before there is a database."""
    try:
        load(settings.tools, beside=tools_at_hand(checks_mail=bool(settings.imap_url)))
    except NoSuchTool as error:
        # Only the database knows which tools MCP servers have: `server.tool`.
        if "." not in error.tool:
            raise


def uncallable(settings: Settings, tenant_id: TenantId = EVERYBODY) -> dict[str, str]:
    """Say which tools of MCP servers may not be called at present, and why."""
    known = [
        tool
        for tool in known_at(settings.database_url)
        if tool.server.tenant_id in {EVERYBODY, tenant_id}
    ]
    return {t.full_name: WHY[t.standing] for t in known if t.standing is not Standing.APPROVED}
