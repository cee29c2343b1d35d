"""What is kept of a version of an agent: its definition, as JSON in the shape of its document."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import timedelta
from typing import Any, TypeAlias

from agent_workers.domain.agents.agent import Agent
from agent_workers.domain.agents.judging import Judging
from agent_workers.domain.agents.prompt import prompt_hash
from agent_workers.domain.job import Limits
from agent_workers.execution.agents.documents import AgentDocument
from agent_workers.execution.agents.registry import LoadedAgent, LoadedTool

# Any: JSON, in the shape of an agent's document.
Definition: TypeAlias = dict[str, Any]
_MICRO = 1_000_000
# Shown of every agent, said or not.
_ALWAYS = ("name", "tools", "model")


def definition_of(agent: LoadedAgent) -> Definition:
    """Write an agent as its document says it, with the schemas of its tools.

    What is left at its default is left out: a new release may know more, and changes no digest.
    """
    declared = agent.declared
    told: Definition = {
        "name": declared.name,
        "description": declared.description,
        "mode": declared.mode.value,
        "model": declared.model,
        "ladders": {purpose: list(ladder) for purpose, ladder in declared.ladders.items()},
        "model_settings": declared.model_settings.said,
        "settings_by_purpose": {
            purpose: settings.said for purpose, settings in declared.settings_by_purpose.items()
        },
        "instructions": declared.instructions,
        "prompts": dict(declared.prompts),
        "variables": dict(declared.variables),
        "tools": [_tool(tool, agent.pins) for tool in agent.tools.values()],
        "limits": _unlike(declared.limits, Limits()),
        "judging": _unlike(declared.judging, Judging()),
        "output": None if declared.output is None else dict(declared.output),
        "cites": declared.cites,
        "team": list(declared.team),
        "routes": [asdict(route) for route in declared.routes],
        "fallback": declared.fallback,
        "engages": list(declared.engages),
        "cached": declared.cached,
        "streamed": declared.streamed,
        "on_stuck_turn": declared.on_stuck_turn.value,
        "stuck_after_s": declared.stuck_after / timedelta(seconds=1),
        "max_cost_usd_per_call": declared.max_cost_micro_per_call / _MICRO,
        "step_timeout_s": declared.step_timeout / timedelta(seconds=1),
        "timeout_overrides": {
            name: timeout / timedelta(seconds=1)
            for name, timeout in declared.timeout_overrides.items()
        },
        "plan": agent.parts.plan,
        "evaluate": agent.parts.evaluate,
        "checks": list(agent.parts.checks),
        "prompt_hashes": _prompt_hashes(declared),
    }
    return {key: value for key, value in told.items() if key in _ALWAYS or _says(key, value)}


def _tool(tool: LoadedTool, pins: Mapping[str, str]) -> Definition:
    declared, signature = tool.declared, tool.signature
    told: Definition = {
        "name": declared.name,
        "effect": declared.effect.value,
        "schema_hash": signature.schema_hash,
        "schema": dict(signature.schema),
        "description": declared.description,
    }
    said = {
        "version": declared.version,
        "scopes": list(declared.scopes),
        "pinned": pins.get(declared.name),
    }
    return told | {key: value for key, value in said.items() if value}


def _prompt_hashes(agent: Agent) -> dict[str, str]:
    texts = {"instructions": agent.instructions, **agent.prompts}
    return {name: prompt_hash(text) for name, text in texts.items() if text}


def _says(key: str, value: object) -> bool:
    if value in (None, "", [], {}):
        return False
    known = AgentDocument.model_fields.get(key)
    return known is None or value != known.default


def _unlike(said: Limits | Judging, default: Limits | Judging) -> Definition:
    """Return the members that are not at their default."""
    return {
        one.name: asdict(said)[one.name]
        for one in fields(said)
        if getattr(said, one.name) != getattr(default, one.name)
    }
