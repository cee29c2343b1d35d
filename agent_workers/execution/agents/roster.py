"""Which agent a step belongs to: the version that its job is pinned to, bound to this process's tools."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from agent_workers.domain.agents.engine_tools import NAMED_AS_TOOLS
from agent_workers.domain.agents.version import KeptVersion, Source
from agent_workers.domain.claim import Claimed
from agent_workers.domain.errors import AgentWorkersError, Misdeclared
from agent_workers.domain.ids import TenantId
from agent_workers.execution.agents.binding import bind
from agent_workers.execution.agents.documents import document_of
from agent_workers.execution.agents.registry import LoadedAgent, LoadedTool, Registry


class Unserved(AgentWorkersError):
    """This process cannot do the steps of an agent, but another one may."""

    code = "unknown_agent"

    def __init__(self, message: str, *, tool: str = "") -> None:
        super().__init__(message)
        # The tool that is missing here, where that is what is wrong.
        self.tool = tool


Find = Callable[[Claimed], LoadedAgent]
Fetch = Callable[[TenantId, str, str], KeptVersion | None]
# The tools that a tenant's agents may name besides those of the registry.
ToolsOf = Callable[[TenantId], Mapping[str, LoadedTool]]


class Roster:
    """Remembers every version that this process has met; asking for a new one is a rare query."""

    def __init__(self, registry: Registry, fetch: Fetch) -> None:
        self._registry = registry
        self._fetch = fetch
        self._tools_of: ToolsOf = _none
        self._learn: Callable[[], bool] = lambda: False
        self._met: dict[tuple[str, str, str], LoadedAgent] = {}

    def find(self, claimed: Claimed) -> LoadedAgent:
        """Return the agent of a step, or raise `Unserved`."""
        key = (claimed.tenant_id, claimed.agent, claimed.agent_version)
        # The same one throughout: what was found before `renew` must not be remembered after it.
        met = self._met
        agent = met.get(key)
        if agent is None:
            agent = met[key] = self._met_first(claimed.tenant_id, *key[1:])
        return agent

    def learns_by(self, learn: Callable[[], bool]) -> None:
        """Ask this, when an agent cannot be bound, whether there is something new to know."""
        self._learn = learn

    def renew(self, registry: Registry, tools_of: ToolsOf) -> None:
        """Go by these from now on: every agent is bound anew when it is met next."""
        self._registry, self._tools_of = registry, tools_of
        self._met = {}

    def _met_first(self, tenant_id: TenantId, name: str, version: str) -> LoadedAgent:
        own = self._registry.version(name, version) if version else self._registry.current(name)
        if own is not None:
            return own
        kept = self._fetch(tenant_id, name, version) if version else None
        if kept is None:
            of = f" in version {version!r}" if version else ""
            raise Unserved(f"this worker has no agent {name!r}{of}")
        if kept.source is Source.PYTHON:
            return self._in_python(name, version, kept)
        try:
            return self._bound(tenant_id, kept)
        except Misdeclared as error:
            if self._learn():
                return self._met_first(tenant_id, name, version)
            said = f"this worker cannot serve version {version!r}: {error}"
            raise Unserved(said, tool=self._missing(tenant_id, kept)) from error

    def _missing(self, tenant_id: TenantId, kept: KeptVersion) -> str:
        """Name the first tool of a version that is not here."""
        there = {*self._tools_of(tenant_id), *self._registry.tools, *NAMED_AS_TOOLS}
        named = (tool["name"] for tool in kept.definition.get("tools", ()))
        return next((name for name in named if name not in there), "")

    def _bound(self, tenant_id: TenantId, kept: KeptVersion) -> LoadedAgent:
        tools = {**self._tools_of(tenant_id), **self._registry.tools}
        return bind(document_of(kept.definition), replace(self._registry, tools=tools))

    def _in_python(self, name: str, version: str, kept: KeptVersion) -> LoadedAgent:
        """Code of the past is gone: a counted version goes on with the code that is here now."""
        current = self._registry.current(name)
        if current is None or kept.declared:
            raise Unserved(
                f"this worker has no agent {name!r} in version {version!r}, which is Python code"
            )
        return current


def _none(_: TenantId) -> Mapping[str, LoadedTool]:
    return {}
