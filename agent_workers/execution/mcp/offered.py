"""What a server offers: its tools, read within bounds and without believing any of it."""

from collections.abc import Mapping
from typing import Any, Final

from agent_workers.domain.mcp.servers import LONGEST_DEFINITION, MOST_TOOLS, Definition
from agent_workers.execution.mcp.ports import Left, Link
from agent_workers.execution.mcp.troubles import Garbled
from agent_workers.execution.values.foreign_schema import schema_mistake

Offer = tuple[Definition, Mapping[str, object]]
_MOST_PAGES: Final = 20
_LONGEST_NAME: Final = 128
_HINTS: Final = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")


def offered_by(link: Link, left: Left) -> tuple[dict[str, Offer], tuple[str, ...]]:
    """Ask for all tools; what cannot be taken is left out, and said."""
    found: dict[str, Offer] = {}
    wrong: list[str] = []
    cursor: object = None
    for _ in range(_MOST_PAGES):
        page = link.ask("tools/list", {"cursor": cursor} if cursor else {}, left)
        tools = page.get("tools")
        if not isinstance(tools, list):
            raise Garbled("its list of tools is not a list")
        for told in tools:
            mistake = _taken(told, found)
            wrong += [mistake] if mistake else []
        cursor = page.get("nextCursor")
        if not isinstance(cursor, str) or not cursor:
            return found, tuple(wrong[:10])
    raise Garbled(f"its list of tools has more than {_MOST_PAGES} pages")


def _taken(told: object, found: dict[str, Offer]) -> str:
    """Add a tool to those found, or say why not."""
    if not isinstance(told, dict) or not _is_name(told.get("name")):
        return "a tool has no name that can be called"
    name = str(told["name"])
    if name in found:
        del found[name]
        return f"two tools are named {name!r}: neither is taken"
    if len(found) >= MOST_TOOLS:
        return f"there are more than {MOST_TOOLS} tools: {name!r} is not taken"
    definition = _definition(told)
    if definition is None:
        return f"the schemas of {name!r} are not objects"
    if not _fits(definition):
        return (
            f"the definition of {name!r} is longer than {LONGEST_DEFINITION} bytes, or is not JSON"
        )
    mistake = schema_mistake(definition.input_schema) or schema_mistake(
        definition.output_schema or {}
    )
    if mistake:
        return f"the schemas of {name!r} cannot be checked: {mistake}"
    found[name] = (definition, _hints(told.get("annotations")))
    return ""


# Any: JSON of the server's shape.
def _definition(told: Mapping[str, Any]) -> Definition | None:
    takes, gives = told.get("inputSchema"), told.get("outputSchema")
    if not isinstance(takes, dict) or not (gives is None or isinstance(gives, dict)):
        return None
    description = told.get("description")
    return Definition(
        name=told["name"],
        description=description if isinstance(description, str) else "",
        input_schema=takes,
        output_schema=gives,
    )


def _fits(definition: Definition) -> bool:
    try:
        return len(definition.text) <= LONGEST_DEFINITION
    except (ValueError, RecursionError):
        return False


def _is_name(name: object) -> bool:
    return (
        isinstance(name, str)
        and 0 < len(name) <= _LONGEST_NAME
        and name.isprintable()
        and name.strip() == name
    )


def _hints(told: object) -> Mapping[str, object]:
    if not isinstance(told, dict):
        return {}
    return {name: told[name] for name in _HINTS if isinstance(told.get(name), bool)}
