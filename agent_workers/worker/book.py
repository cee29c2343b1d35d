"""What the engine is told of an agent: the traits of its tools, its limits, its pace."""

from datetime import timedelta

from agent_workers.execution.registry import LoadedAgent, LoadedTool, Registry
from agent_workers.orchestration.traits import AgentTraits, ToolTraits
from agent_workers.state.agents import Registered


def traits_of(agent: LoadedAgent) -> AgentTraits:
    declared = agent.declared
    hold = declared.max_cost_micro_per_call if agent.uses_model else 0
    step_ms = round(declared.step_timeout / timedelta(milliseconds=1))
    return AgentTraits(
        name=declared.name,
        tools={name: _tool_traits(tool) for name, tool in agent.tools.items()},
        limits=declared.limits,
        plan_timeout_ms=step_ms,
        evaluate_timeout_ms=step_ms,
        plan_hold_micro=hold if declared.plan is None else 0,
        evaluate_hold_micro=hold if declared.evaluate is None else 0,
        team=tuple(declared.team),
        fallback=declared.fallback or "",
    )


def registered(registry: Registry) -> list[Registered]:
    """What the API must know of the agents that this worker serves."""
    return [_registered(agent) for agent in registry.values()]


def _registered(agent: LoadedAgent) -> Registered:
    traits = traits_of(agent)
    return Registered(
        name=traits.name,
        version=agent.declared.version,
        plan_timeout_ms=traits.plan_timeout_ms,
        plan_hold_micro=traits.plan_hold_micro,
        definition={
            "tools": [
                {
                    "name": name,
                    "effect": tool.declared.effect.value,
                    "schema_hash": tool.signature.schema_hash,
                    "schema": dict(tool.signature.schema),
                    "description": tool.declared.description,
                }
                for name, tool in agent.tools.items()
            ],
            "model": agent.declared.model,
        },
    )


def _tool_traits(tool: LoadedTool) -> ToolTraits:
    return ToolTraits(
        name=tool.declared.name,
        rules=tool.declared.rules,
        lane=tool.lane,
        timeout_ms=tool.timeout_ms,
        max_tries=tool.declared.max_tries,
        fallback=tool.declared.fallback or "",
    )
