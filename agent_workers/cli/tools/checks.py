"""Checks of how a tool is declared: what is wrong, and what it leaves to be guessed."""

import inspect
from collections.abc import Iterator
from datetime import timedelta

from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.tools.tool import Tool, ToolFunction
from agent_workers.execution.agents.registry import LoadedTool, Registry
from agent_workers.execution.values.signature import argument_names, promises_nothing
from agent_workers.terminal.findings import Finding, fail, ok, warn

_SAY_EFFECT = "set effect=: without it a tool is unsafe, and after a crash a person is asked"
_SAY_TIMEOUT = "set timeout=: how long one call may take"
_SAY_WORDS = "write a docstring: it tells planners what the tool does"
_DESCRIBE_RESULT = (
    "results are not checked: return plain values, a pydantic model, a dataclass, or a"
    " TypedDict of typing_extensions"
)
_SAY_RESULT = "annotate its return type: then results are checked against it"


def check_tool(tool: LoadedTool, registry: Registry) -> Iterator[Finding]:
    """Judge one tool; the last line says that all is well, if it is."""
    findings = [*_unsaid(tool), *_around(tool.declared, registry), *_look_up(tool)]
    yield from findings
    if not findings:
        yield ok(f"{tool.declared.name}: {tool.declared.effect.value}, nothing is missing")


def cannot_load(error: AgentWorkersError) -> Finding:
    return fail(f"tools: {error}", "correct it: no worker starts with this")


def _unsaid(tool: LoadedTool) -> Iterator[Finding]:
    declared = tool.declared
    if "effect" in declared.unsaid:
        yield fail(f"{declared.name}: its effect is not declared", _SAY_EFFECT)
    # A pure tool that was cut off is called again; with an effect it is to be found out what it did.
    if "timeout" in declared.unsaid and declared.effect is not EffectClass.PURE:
        yield fail(f"{declared.name}: its time-out is not set", _SAY_TIMEOUT)
    if is_silent(declared):
        yield fail(f"{declared.name}: it has no docstring", _SAY_WORDS)
    if tool.signature.result.adapter is None and declared.schema is None:
        yield from _unsaid_result(declared)


def is_silent(declared: Tool) -> bool:
    """Whether somebody forgot to say what it does; nobody here writes the words of an MCP server."""
    return not declared.description and declared.schema is None


def _unsaid_result(declared: Tool) -> Iterator[Finding]:
    said = inspect.signature(declared.function).return_annotation
    if said is inspect.Signature.empty:
        yield warn(f"{declared.name}: its return type is not declared", _SAY_RESULT)
    elif not promises_nothing(declared.function):
        yield warn(
            f"{declared.name}: its return type cannot be described as a JSON schema",
            _DESCRIBE_RESULT,
        )


def _around(declared: Tool, registry: Registry) -> Iterator[Finding]:
    if declared.name in registry.doubled:
        places = " and ".join(registry.doubled[declared.name])
        remedy = "rename one: an agent that names it cannot say which it means"
        yield fail(f"{declared.name}: several tools have this name ({places})", remedy)
    if declared.fallback is not None and declared.fallback not in registry.tools:
        remedy = "name a tool that is loaded, and that each of its agents has"
        yield fail(
            f"{declared.name}: its fallback {declared.fallback!r} is not a loaded tool", remedy
        )


def _look_up(tool: LoadedTool) -> Iterator[Finding]:
    declared = tool.declared
    if declared.look_up is None:
        if declared.effect is EffectClass.KEYED:
            remedy = "set look_up=, or a person is asked after a crash if the key has expired"
            hours = (
                f"{declared.key_ttl / timedelta(hours=1):g} h" if declared.key_ttl else "no time"
            )
            yield warn(f"{declared.name}: its keys expire after {hours}", remedy)
        return
    wanting = _unfit(declared.look_up, tool)
    if wanting:
        remedy = "it is called with the tool's own arguments, and with `call` if it takes that"
        yield fail(f"{declared.name}: its look-up {wanting}", remedy)
    if declared.effect.leaves_no_mark:
        remedy = "leave it out, or declare the effect that it is for"
        yield warn(f"{declared.name}: a {declared.effect.value} tool is never looked up", remedy)


def _unfit(look_up: ToolFunction, tool: LoadedTool) -> str:
    """Say how a look-up cannot be called as it will be; empty when it can."""
    takes = inspect.signature(look_up).parameters.values()
    if any(one.kind is one.VAR_KEYWORD for one in takes):
        return ""
    own, given = argument_names(look_up), tool.signature.model.model_fields.keys()
    missing = sorted(set(given) - own.keys())
    if missing:
        return f"does not take {missing[0]!r}"
    unmet = sorted(name for name, is_needed in own.items() if is_needed and name not in given)
    return f"needs {unmet[0]!r}, which the tool does not take" if unmet else ""
