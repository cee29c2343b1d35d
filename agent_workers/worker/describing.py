"""What this worker says of itself; read from its settings, its modules and its environment."""

import os
import socket
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

from agent_workers.domain.step import Lane
from agent_workers.domain.worker_report import Abilities, WorkerReport
from agent_workers.execution.agents.registry import Registry
from agent_workers.execution.models.embedders import OFFLINE
from agent_workers.execution.models.named.catalog import ModelCatalog
from agent_workers.execution.models.named.configured import problems_of_models, state_of_model
from agent_workers.execution.sandbox.confining.confined import why_no_bwrap
from agent_workers.execution.sandbox.levels import chosen, levels
from agent_workers.execution.sandbox.ports import NoBoundary
from agent_workers.settings import Settings, mcp_secrets


def report_of(
    settings: Settings, registry: Registry, catalog: ModelCatalog, *, slots: int
) -> WorkerReport:
    """Describe this worker; to be called once, before it forks."""
    host = socket.gethostname()
    name = worker_name(settings).replace("%h", host)
    agents: dict[str, list[str]] = {}
    for agent in registry.agents:
        agents.setdefault(agent.declared.name, []).append(agent.declared.version)
    return WorkerReport(
        report_id=uuid4(),
        name=name if "@" in name else f"{name}@{host}",
        host=host,
        pid=os.getpid(),
        version=version("agent-workers-runtime"),
        lanes=settings.lanes,
        pool=settings.pool,
        slots=slots,
        agents=agents,
        tools=sorted(name for name, one in registry.tools.items() if one.declared.schema is None),
        models=_models(catalog),
        secrets=sorted(mcp_secrets()),
        abilities=_abilities(settings, catalog),
    )


def worker_name(settings: Settings) -> str:
    """Name a worker as Celery does, which puts the host for `%h`."""
    return settings.worker_name or f"{'-'.join(settings.lanes)}.{os.getpid()}@%h"


def _models(catalog: ModelCatalog) -> dict[str, str]:
    known = {*catalog.prices.prices, *catalog.named.models}
    return {name: state_of_model(name, catalog).problem for name in sorted(known)}


def _abilities(settings: Settings, catalog: ModelCatalog) -> Abilities:
    """Only tools need any of this; a worker that has none starts without trying a sandbox."""
    if not {Lane.TOOL, Lane.EFFECT} & set(settings.lanes):
        return Abilities()
    sandbox = why_no_sandbox = ""
    wasm = Path(settings.sandbox_wasm).expanduser()
    try:
        sandbox = chosen(settings.sandbox, levels(wasm=wasm, image=settings.sandbox_image)).name
    except NoBoundary as error:
        why_no_sandbox = str(error)
    name = settings.embedding_model
    known = [name] if name not in OFFLINE else []
    return Abilities(
        sandbox=sandbox,
        why_no_sandbox=why_no_sandbox,
        why_no_boundary=why_no_bwrap(),
        embedding=name,
        why_no_embedding="; ".join(problems_of_models(known, catalog)),
        mail=bool(settings.smtp_url),
        sql_sources=sorted(settings.sql_sources),
    )
