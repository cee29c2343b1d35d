"""MCP servers over HTTP: a tenant adds URLs of its own, and sees what is everybody's."""

import pytest

from agent_workers import Client
from agent_workers.client.errors import ClientError
from agent_workers.domain.agents.version import EVERYBODY
from agent_workers.domain.ids import TenantId
from agent_workers.domain.mcp.servers import Definition, McpServer, ServerState
from agent_workers.state.catalogue.mcp import McpRows
from tests.integration.api.live import Live

URL = "https://mcp.example.com/mcp"


def test_a_server_is_added_asked_shown_and_removed(live: Live, tenant: TenantId):
    rows = McpRows(live.database)
    with Client(live.url, live.token(tenant)) as client:
        added = client.mcp_servers.add("weather", URL)
        assert (added["name"], added["url"], added["shared"]) == ("weather", URL, False)
        [server] = [one for one in rows.servers(tenant) if one.tenant_id == tenant]
        assert server.refresh_due_at is not None
        rows.saw(server, [(Definition(name="now", description="The weather."), {})])
        assert client.mcp_servers.refresh("weather")["object"] == "mcp_server"
        [tool] = client.mcp_servers.get("weather")["tools"]
        assert (tool["name"], tool["standing"], tool["effect"]) == ("weather.now", "new", "unsafe")
        with pytest.raises(ClientError, match="another name"):
            client.mcp_servers.add("weather", URL)
        client.mcp_servers.remove("weather")
        assert "weather" not in [one["name"] for one in client.mcp_servers.all()]


def test_what_is_everybodys_is_seen_without_how_it_is_reached_and_not_touched(
    live: Live, tenant: TenantId
):
    rows = McpRows(live.database)
    shared = McpServer(tenant_id=EVERYBODY, name="files", command=("serve", "--key", "in-here"))
    rows.add(shared)
    rows.failed(shared, "it ended with exit code 3, and said last: in-here")
    with Client(live.url, live.token(tenant)) as client:
        shown = client.mcp_servers.get("files")
        assert shown["shared"] is True
        assert "in-here" not in str(shown)
        for touch in (client.mcp_servers.remove, client.mcp_servers.refresh):
            with pytest.raises(ClientError, match="no such server"):
                touch("files")
        with pytest.raises(ClientError, match="another name"):
            client.mcp_servers.add("files", URL)
    rows.set_state(*shared.place, ServerState.REMOVED)


def test_another_tenants_server_is_not_there(live: Live, tenant: TenantId):
    with Client(live.url, live.token(tenant)) as client:
        client.mcp_servers.add("own", URL)
    with Client(live.url, live.token(TenantId(f"{tenant}-b"))) as other:
        assert "own" not in [one["name"] for one in other.mcp_servers.all()]
        with pytest.raises(ClientError, match="no such server"):
            other.mcp_servers.get("own")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "evil", "url": "http://169.254.169.254/latest"},
        {"name": "evil", "url": "https://localhost/mcp"},
        {"name": "evil", "url": "https://user:password@example.com/mcp"},
        {"name": "Evil name", "url": URL},
        {"name": "evil", "url": URL, "command": ["rm", "-rf", "/"]},
        {"name": "evil", "url": URL, "headers": {"authorization": "${MCP_TOKEN_OF_OTHERS}"}},
    ],
)
def test_a_tenant_cannot_add_programs_secrets_or_private_addresses(
    live: Live, tenant: TenantId, body: dict[str, object]
):
    with live.client(tenant) as client:
        assert client.post("/v1/mcp_servers", json=body).status_code == 422
