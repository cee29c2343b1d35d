"""A tool as data: what it takes and gives, and what it declares, for whoever asks which there are."""

from collections.abc import Mapping
from datetime import timedelta

from agent_workers.domain.tools.tool import Tool
from agent_workers.execution.agents.registry import LoadedTool
from agent_workers.execution.values.signature import facilities_of


def described(tool: LoadedTool) -> Mapping[str, object]:
    """Describe a tool; all of it is JSON."""
    declared, signature = tool.declared, tool.signature
    return {
        "name": declared.name,
        "version": declared.version,
        "description": declared.description,
        "effect": declared.effect.value,
        "schema_hash": signature.schema_hash,
        "parameters": dict(signature.schema),
        "result": None if signature.result.schema is None else dict(signature.result.schema),
        "scopes": list(declared.scopes),
        **_declared(declared),
        "needs": sorted(kind.__name__ for kind in facilities_of(declared.function).values()),
        "declared_in": place_of(declared),
    }


def place_of(declared: Tool) -> str:
    """Say where a tool's function is, as `module:function`."""
    named = declared.function
    return f"{named.__module__}:{getattr(named, '__qualname__', type(named).__name__)}"


def _declared(declared: Tool) -> dict[str, object]:
    return {
        "timeout_s": declared.timeout / timedelta(seconds=1),
        "max_tries": declared.max_tries,
        "key_ttl_s": _seconds(declared.key_ttl),
        "looks_up": declared.look_up is not None,
        "on_doubt": declared.on_doubt.value,
        "fallback": declared.fallback,
        "asks_on_failure": declared.ask_on_failure,
        "stale_for_s": _seconds(declared.stale_for),
        "cache_for_s": _seconds(declared.cache_for),
        "concurrency": declared.concurrency,
        "isolated": declared.isolated,
    }


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span / timedelta(seconds=1)
