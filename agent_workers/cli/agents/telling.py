"""Tells versions of agents as YAML that could be applied again, and how two of them differ."""

import difflib
from collections.abc import Mapping
from typing import Any

import yaml
from typing_extensions import override

from agent_workers.domain.agents.version import KeptVersion, Source
from agent_workers.execution.agents.documents import DERIVED, AgentDocument
from agent_workers.state.catalogue.agents import LastSeen

_HASH = 12


class _Plain(yaml.SafeDumper):
    """Writes texts of several lines as blocks."""

    @override
    # Any: the base class takes whatever stands in a document.
    def represent_str(self, data: Any) -> yaml.ScalarNode:
        style = "|" if "\n" in data else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Plain.add_representer(str, _Plain.represent_str)


# Any: JSON, in the shape of an agent's document; so below.
def yaml_of(definition: Mapping[str, Any]) -> str:
    """Write a definition as the document that says it, the hashes of its tools as comments."""
    tools = definition.get("tools", [])
    told = {
        key: definition[key]
        for key in AgentDocument.model_fields
        if key in definition and definition[key] not in (None, []) and key not in DERIVED
    }
    if tools:
        told["tools"] = [_pinned(tool) for tool in tools]
    if not told:
        return ""
    written = yaml.dump(told, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=100)
    return "".join(f"# tool {_hashed(tool)} ({tool['effect']})\n" for tool in tools) + written


def difference(
    before: Mapping[str, Any], after: Mapping[str, Any], *, names: tuple[str, str]
) -> list[str]:
    """Return the lines that differ, as `diff -u` writes them."""
    old, new = yaml_of(before).splitlines(), yaml_of(after).splitlines()
    return list(difflib.unified_diff(old, new, names[0], names[1], lineterm=""))


SERVED = ("workers", "last_seen_at", "last_seen_on")


def served(version: KeptVersion, last: LastSeen | None) -> dict[str, object]:
    """Tell which workers have an agent that is code; one from a file is every worker's."""
    if version.source is Source.YAML or last is None:
        return dict.fromkeys(SERVED)
    return dict(zip(SERVED, (last.workers, last.at, last.host), strict=True))


def _hashed(tool: Mapping[str, Any]) -> str:
    return f"{tool['name']}@{tool['schema_hash'][:_HASH]}"


def _pinned(tool: Mapping[str, Any]) -> str:
    return f"{tool['name']}@{tool['pinned']}" if tool.get("pinned") else str(tool["name"])
