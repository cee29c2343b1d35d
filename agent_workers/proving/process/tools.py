"""Tools of somebody's own under trial: each becomes an agent of the registry of a proof."""

from collections.abc import Sequence
from dataclasses import replace

from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.tools.tool import Tool
from agent_workers.execution.agents.modules import imported
from agent_workers.execution.agents.registry import Registry, loaded
from agent_workers.testing.trying import Trying


def with_tried(registry: Registry, tryings: Sequence[Trying]) -> Registry:
    """Add an agent for each."""
    agents = [loaded(one.agent_of(tool_at(one.place))) for one in tryings]
    return replace(registry, agents=(*registry.agents, *agents))


def tool_at(place: str) -> Tool:
    """Import `module:name`."""
    module, _, name = place.partition(":")
    found = getattr(imported(module, named_by="crash_points"), name, None)
    if not isinstance(found, Tool):
        raise Misdeclared(f"{place!r} is not a tool: name it as `module:name`")
    return found
