"""Shows MCP servers and their tools; what servers wrote is shown so that nothing in it can act."""

import difflib
import json
from collections.abc import Iterator, Sequence

from agent_workers.domain.mcp.servers import Definition, McpServer, McpTool, Standing
from agent_workers.terminal.printing import print_rows

_SERVER_COLUMNS = ("name", "tenant", "state", "reached", "asked_at", "error")
_TOOL_COLUMNS = ("tool", "standing", "effect", "hash", "hints")
_SHORT = 12


def server_row(server: McpServer) -> dict[str, object]:
    return {
        "name": server.name,
        "tenant": server.tenant_id,
        "state": server.state.value,
        "reached": safe(server.url or " ".join(server.command)),
        "asked_at": server.refreshed_at,
        "error": safe(server.error),
    }


def tool_row(tool: McpTool) -> dict[str, object]:
    seen = tool.seen or tool.approved
    return {
        "tool": tool.full_name,
        "standing": tool.standing.value,
        "effect": tool.terms.effect.value,
        "hash": seen.hash if seen else "",
        "hints": ", ".join(sorted(name for name, value in tool.hints.items() if value)),
    }


def whole(server: McpServer, tools: Sequence[McpTool]) -> dict[str, object]:
    """Everything that is known of a server, for programs."""
    return {
        **server_row(server),
        "env": dict(server.env),
        "headers": dict(server.headers),
        "reads": list(server.reads),
        "network": server.network,
        "tools": [
            tool_row(tool)
            | {"seen": _definition(tool.seen), "approved": _definition(tool.approved)}
            | {"timeout_s": tool.terms.timeout.total_seconds(), "approved_by": tool.approved_by}
            for tool in tools
        ],
    }


def print_servers(servers: Sequence[McpServer]) -> None:
    print_rows(
        [server_row(one) for one in servers],
        _SERVER_COLUMNS,
        none="no MCP servers; add one with `agent-workers mcp add NAME`",
    )


def print_tools(tools: Sequence[McpTool]) -> None:
    rows = [tool_row(tool) for tool in tools]
    short = [row | {"hash": str(row["hash"])[:_SHORT]} for row in rows]
    print_rows(short, _TOOL_COLUMNS, none="no tools are known")


def print_definitions(tools: Sequence[McpTool]) -> None:
    """Print what an approval would approve; of a changed tool, what is different."""
    for tool in tools:
        print(f"\n{tool.full_name}: {tool.standing.value}")
        before = tool.approved if tool.standing is Standing.CHANGED else None
        for line in _lines(before, tool.seen or tool.approved):
            print(f"  {line}")


def safe(text: str) -> str:
    """Write what could move a cursor, turn text round, or hide, as an escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _lines(before: Definition | None, after: Definition | None) -> Iterator[str]:
    written = _written(after)
    if before is None:
        yield from written
        return
    yield from difflib.unified_diff(_written(before), written, "approved", "seen", lineterm="")


def _written(definition: Definition | None) -> list[str]:
    # ASCII only: of characters that look alike, or cannot be seen, the numbers are shown.
    return json.dumps(_definition(definition), indent=2, sort_keys=True).splitlines()


def _definition(definition: Definition | None) -> object:
    return None if definition is None else json.loads(definition.text)
