"""Tells of tools: one line each in a list, or all that one takes, gives and declares."""

import json
from collections.abc import Iterator

from agent_workers.execution.agents.registry import LoadedTool
from agent_workers.execution.tools.describing import described, place_of

COLUMNS = ("name", "effect", "version", "timeout", "hash", "scopes", "declared in")
_HASH = 12
_NOT_LINES = frozenset({"name", "description", "parameters", "result", "schema_hash"})


def row_of(tool: LoadedTool) -> dict[str, object]:
    declared = tool.declared
    return {
        "name": declared.name,
        "effect": declared.effect.value,
        "version": declared.version,
        "timeout": f"{declared.timeout.total_seconds():g} s",
        "hash": tool.signature.schema_hash[:_HASH],
        "scopes": " ".join(declared.scopes),
        "declared in": place_of(declared),
    }


def text_of(tool: LoadedTool) -> str:
    """Print a tool for people: what is not declared is left out."""
    return "".join(f"{line}\n" for line in _lines(tool))


def _lines(tool: LoadedTool) -> Iterator[str]:
    told = described(tool)
    yield f"{told['name']}@{tool.signature.schema_hash[:_HASH]}"
    yield from (f"  {line.strip()}" for line in tool.declared.description.splitlines())
    yield ""
    for name, value in told.items():
        if name not in _NOT_LINES and value not in (None, "", [], False):
            yield f"{name:16}{_written(value)}"
    yield from _schema("parameters", told["parameters"])
    yield from _schema("result", told["result"])


def _schema(name: str, schema: object) -> Iterator[str]:
    if schema is None:
        yield f"{name:16}not declared, so anything"
        return
    yield ""
    yield f"{name}:"
    written = json.dumps(schema, indent=2, ensure_ascii=False)
    yield from (f"  {line}" for line in written.splitlines())


def _written(value: object) -> str:
    if isinstance(value, list):
        return " ".join(str(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
