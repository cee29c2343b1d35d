"""MCP servers and their tools: what was seen, what was approved, and what a call may rely on."""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.ids import TenantId
from agent_workers.domain.mcp.secrets import mistakes_in

# Of these classes a tool of a server can be; looking up and our own transactions it cannot do.
EFFECTS: Final = (EffectClass.PURE, EffectClass.KEYED, EffectClass.UNSAFE)
LONGEST_DEFINITION: Final = 65_536
MOST_TOOLS: Final = 200
_SERVER = re.compile(r"[a-z][a-z0-9_-]{0,23}")
_UNUSUAL = re.compile(r"[^A-Za-z0-9_-]")
# What models' providers take as a name at most, and what is left of it beside a server's.
_LONGEST_NAME = 64
_MARK = 7


class ServerState(StrEnum):
    ENABLED = "enabled"
    DISABLED = "disabled"
    # Its rows stay, so that jobs that name its tools get a clear answer.
    REMOVED = "removed"


class Standing(StrEnum):
    """Whether a tool may be called; everything but `approved` means no, and says why."""

    APPROVED = "approved"
    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"
    DISABLED = "disabled"
    REMOVED = "removed"


WHY: Final[Mapping[Standing, str]] = {
    Standing.NEW: "was never approved (agent-workers mcp approve)",
    Standing.CHANGED: "has changed since it was approved (agent-workers mcp show, then approve)",
    Standing.GONE: "is not offered by its server any more",
    Standing.DISABLED: "is disabled (agent-workers mcp enable)",
    Standing.REMOVED: "belongs to a server that was removed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class McpServer:
    """How a server is reached. Secrets stand in it as `${MCP_NAME}`, variables of the worker."""

    tenant_id: TenantId
    name: str
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    # Files and folders that the program needs beside the system's own.
    reads: tuple[str, ...] = ()
    network: bool = False
    state: ServerState = ServerState.ENABLED
    version: int = 1
    created_by: str = ""
    refreshed_at: datetime | None = None
    refresh_due_at: datetime | None = None
    error: str = ""

    @property
    def place(self) -> tuple[TenantId, str]:
        return self.tenant_id, self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What a server says of one tool, and an operator approves: its name, words and schemas."""

    name: str
    description: str = ""
    input_schema: Mapping[str, object] = field(default_factory=dict)
    output_schema: Mapping[str, object] | None = None

    @property
    def text(self) -> str:
        """The definition as it is stored and hashed."""
        told = {
            "name": self.name,
            "description": self.description,
            "inputSchema": self.input_schema,
            "outputSchema": self.output_schema,
        }
        return json.dumps(told, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @property
    def hash(self) -> str:
        return hashlib.sha256(self.text.encode("utf-8")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an operator says of a tool: a server's own word on this is only a hint."""

    effect: EffectClass = EffectClass.UNSAFE
    timeout: timedelta = timedelta(seconds=30)
    key_ttl: timedelta | None = None
    # The argument that carries the key, which planners do not see.
    key_argument: str = ""
    # An error that the server reports means that nothing was done.
    errors_are_final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class McpTool:
    """One tool of a server: as it was last seen, and as it was approved."""

    server: McpServer
    name: str
    seen: Definition | None = None
    approved: Definition | None = None
    terms: Terms = field(default_factory=Terms)
    enabled: bool = True
    # Any of the server's annotations: shown, never believed.
    hints: Mapping[str, object] = field(default_factory=dict)
    approved_by: str = ""

    @property
    def full_name(self) -> str:
        return tool_name(self.server.name, self.name)

    @property
    def standing(self) -> Standing:
        if self.server.state is ServerState.REMOVED:
            return Standing.REMOVED
        if self.server.state is ServerState.DISABLED or not self.enabled:
            return Standing.DISABLED
        if self.approved is None:
            return Standing.NEW
        if self.seen is None:
            return Standing.GONE
        return Standing.APPROVED if self.seen == self.approved else Standing.CHANGED


def tool_name(server: str, name: str) -> str:
    """Return what agents and models call a tool; two tools of a server never share it."""
    room = _LONGEST_NAME - len(server) - 1
    plain = _UNUSUAL.sub("_", name)
    if plain != name or len(plain) > room or not plain:
        mark = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[: _MARK - 1]
        plain = f"{plain[: room - _MARK]}_{mark}"
    return f"{server}.{plain}"


def definition_of(text: str) -> Definition:
    """Read a definition as it is stored."""
    told = json.loads(text)
    return Definition(
        name=told["name"],
        description=told["description"],
        input_schema=told["inputSchema"],
        output_schema=told["outputSchema"],
    )


def mistakes_of_server(server: McpServer) -> Iterator[str]:
    """Say what is wrong with a server, as far as that can be told without reaching it."""
    if not _SERVER.fullmatch(server.name):
        yield (
            f"{server.name!r} is not a valid server name: use a lower-case letter, then at "
            "most 23 lower-case letters, digits, '_' and '-'"
        )
    if bool(server.command) is bool(server.url):
        yield "a server is either a command or a URL"
    if server.url and (server.env or server.reads or server.network):
        yield "env, read and network are for commands; a URL has headers"
    if server.command and server.headers:
        yield "headers are for URLs; a command has an environment"
    yield from mistakes_in(server.env)
    yield from mistakes_in(server.headers)
    if any("\0" in word for word in (*server.command, *server.reads, server.url)):
        yield "it must not contain NUL"
