"""Asking a server what it offers, and having that written down, whatever comes of it."""

from datetime import timedelta
from typing import Final, Protocol

from agent_workers.domain.mcp.servers import McpServer
from agent_workers.execution.mcp.offered import Offer
from agent_workers.execution.mcp.servers import Servers
from agent_workers.execution.mcp.troubles import Trouble

_ASKING: Final = timedelta(seconds=60)


class Book(Protocol):
    """Where it is written down what servers offer."""

    def saw(self, server: McpServer, offered: list[Offer], *, error: str = "") -> None: ...

    def failed(self, server: McpServer, error: str) -> None: ...


def look_at(server: McpServer, servers: Servers, book: Book) -> str:
    """Ask a server for its tools; returns what was wrong with it, if anything."""
    try:
        offered, wrong = servers.discover(server, _ASKING)
    except Trouble as trouble:
        wrong = servers.hidden(f"{trouble.code}: {trouble}")
        book.failed(server, wrong)
        return wrong
    book.saw(server, offered, error=wrong)
    return wrong
