"""What this process gives to tools that ask for it by type: one maker for each facility."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from typing_extensions import override

from agent_workers.domain.ids import TenantId
from agent_workers.domain.mcp.call import McpCalls
from agent_workers.domain.memory.embedding import Embedder
from agent_workers.domain.memory.knowledge import Knowledge
from agent_workers.domain.memory.memory import Memories
from agent_workers.domain.tools.clock import Clock
from agent_workers.domain.tools.facility import Made, NotInstalled
from agent_workers.domain.tools.tool import Call
from agent_workers.domain.tools.workspace import Workspace
from agent_workers.execution.sandbox.levels import chosen, levels
from agent_workers.execution.sandbox.ports import CodeRunner, NoBoundary, Sandbox
from agent_workers.settings_tools import ToolSettings
from agent_workers.state.database.engine import Database
from agent_workers.state.jobs.workspaces import JobWorkspace, Workspaces
from agent_workers.state.knowledge.documents import Documents, TenantKnowledge
from agent_workers.state.memories.of_call import CallMemories
from agent_workers.state.memories.search import MemorySearch
from agent_workers.worker.parts.outside import outside


class SystemClock(Clock):
    @override
    def now(self) -> datetime:
        return datetime.now(UTC)


_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Facilities:
    """Finds the maker of a facility; each call of a tool gets its own."""

    makers: Mapping[type, Made]

    def __call__(self, wanted: type, call: Call) -> object:
        maker = self.makers.get(wanted)
        if maker is None:
            raise NotInstalled(
                f"this worker cannot provide {wanted.__name__}, which the tool asks for"
            )
        return maker(call)


def facilities(
    *,
    database: Database,
    settings: ToolSettings,
    hides: Sequence[Path],
    embedder: Embedder,
    servers: McpCalls | None = None,
) -> Facilities:
    """Return the facilities of this process; nothing is opened before a tool asks."""
    workspaces = Workspaces(database)
    documents = Documents(database)
    search = MemorySearch(database)

    def workspace(call: Call) -> object:
        most = settings.workspace_mib * _MIB
        return JobWorkspace(workspaces=workspaces, call=call, most_bytes=most)

    def knowledge(call: Call) -> object:
        return TenantKnowledge(documents=documents, tenant_id=TenantId(call.tenant_id))

    def memories(call: Call) -> object:
        return CallMemories(
            search=search, embedder=embedder, call=call, most_tokens=settings.memory_tokens
        )

    return Facilities(
        {
            Clock: lambda _: SystemClock(),
            Workspace: workspace,
            Knowledge: knowledge,
            Embedder: lambda _: embedder,
            Memories: memories,
            **({McpCalls: lambda _: servers} if servers is not None else {}),
            **outside(settings),
            **code(settings, hides),
        }
    )


def code(settings: ToolSettings, hides: Sequence[Path]) -> Mapping[type, Made]:
    """Return the facility of `python_code`; nothing is tried before it is asked for."""
    sandbox = cache(lambda: sandbox_of(settings, hides))
    return {CodeRunner: lambda _: sandbox()}


def sandbox_of(settings: ToolSettings, hides: Sequence[Path]) -> Sandbox:
    wasm = Path(settings.sandbox_wasm).expanduser()
    try:
        known = levels(wasm=wasm, image=settings.sandbox_image, hides=hides)
        return chosen(settings.sandbox, known).make()
    except NoBoundary as error:
        raise NotInstalled(str(error)) from None
