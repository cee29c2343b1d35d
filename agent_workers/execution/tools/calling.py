"""Calls a tool's function or its look-up: here, or in a child process where it says so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent_workers.domain.tools.facility import Give, no_facilities
from agent_workers.domain.tools.tool import Call, Tool
from agent_workers.execution.sandbox.isolated import call_isolated
from agent_workers.execution.values.signature import invoke


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a process has for the tools that it calls, and what it keeps from isolated ones."""

    give: Give = no_facilities
    hides: Sequence[Path] = ()


def call_tool(
    declared: Tool, arguments: Mapping[str, object], written: bytes, call: Call, given: Given
) -> object:
    """Call it with arguments that were checked, and that are `written` as they came."""
    if declared.isolated:
        return call_isolated(declared, written, call, looks_up=False, hides=given.hides)
    within = None if declared.effect.ended_by_kernel else declared.timeout
    return invoke(declared.function, arguments, call, given.give, within=within)


def call_look_up(
    declared: Tool, arguments: Mapping[str, object], written: bytes, call: Call, given: Given
) -> object:
    """Call its look-up; who has none is not asked."""
    assert declared.look_up is not None
    if declared.isolated:
        return call_isolated(declared, written, call, looks_up=True, hides=given.hides)
    return invoke(declared.look_up, arguments, call, given.give, within=declared.timeout)
