"""Calling a tool of an MCP server: what a tool asks the worker for, and the ways it can end."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from agent_workers.domain.mcp.servers import McpTool
from agent_workers.domain.tools.facility import Facility
from agent_workers.domain.tools.tool import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class McpSaid:
    """The server answered: a result, or an error of the tool itself."""

    value: object
    is_error: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class McpRefused:
    """The call certainly did nothing: it was not sent, or was turned away."""

    code: str
    message: str
    retryable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class McpSilent:
    """The call was sent, and no answer came of which anything can be known."""

    code: str
    message: str
    retryable: bool = True


McpReply = McpSaid | McpRefused | McpSilent


class McpCalls(Facility, Protocol):
    """The way to the servers of this worker; whatever a server does, this returns."""

    def call(self, tool: McpTool, arguments: Mapping[str, object], call: Call) -> McpReply: ...
