"""What the client calls of MCP servers; `client.mcp_servers` is one of these."""

from urllib.parse import quote

from agent_workers.client.http import Json, Wire

_AT = "/v1/mcp_servers"


class McpServerCalls:
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def add(self, name: str, url: str) -> Json:
        """Add a server behind a URL; an operator approves its tools."""
        return self._wire.ask("POST", _AT, body={"name": name, "url": url}, repeatable=False)

    def all(self) -> list[Json]:
        return list(self._wire.rows(_AT, place="after"))

    def get(self, name: str) -> Json:
        """Return a server with its tools."""
        return self._wire.ask("GET", _of(name))

    def refresh(self, name: str) -> Json:
        """Let a worker ask a server for its tools anew."""
        return self._wire.ask("POST", f"{_of(name)}/refresh")

    def remove(self, name: str) -> None:
        self._wire.call("DELETE", _of(name), repeatable=False)


def _of(name: str) -> str:
    return f"{_AT}/{quote(name, safe='')}"
