"""Calls a tool's function or its look-up: here, or in a child process where it says so."""

from collections.abc import Mapping

from agent_workers.domain.facility import Give
from agent_workers.domain.tool import Call, Tool
from agent_workers.execution.sandbox.isolated import call_isolated
from agent_workers.execution.signature import invoke


def call_tool(
    declared: Tool, arguments: Mapping[str, object], written: bytes, call: Call, give: Give
) -> object:
    """Call it with arguments that were checked, and that are `written` as they came."""
    if declared.isolated:
        return call_isolated(declared, written, call, looks_up=False)
    return invoke(declared.function, arguments, call, give)


def call_look_up(
    declared: Tool, arguments: Mapping[str, object], written: bytes, call: Call, give: Give
) -> object:
    """Call its look-up; who has none is not asked."""
    assert declared.look_up is not None
    if declared.isolated:
        return call_isolated(declared, written, call, looks_up=True)
    return invoke(declared.look_up, arguments, call, give)
