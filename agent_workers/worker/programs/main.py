"""Starts a Celery worker: `agent-workers worker --lanes plan,tool --pool threads`."""

import argparse
import os
import sys
import warnings
from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial

import structlog
from celery import signals

from agent_workers.domain.agents.version import EVERYBODY, Source
from agent_workers.domain.errors import Misdeclared
from agent_workers.domain.step import Lane
from agent_workers.domain.tools.tool import Tool
from agent_workers.domain.worker_report import WorkerReport
from agent_workers.execution.agents.modules import modules_of
from agent_workers.execution.agents.registry import Registry, load
from agent_workers.execution.mcp.tools import tools_for
from agent_workers.execution.models.embedders import OFFLINE
from agent_workers.execution.models.litellm.loading import load_litellm
from agent_workers.execution.models.named.catalog import ModelCatalog
from agent_workers.execution.models.named.configured import states_of_models
from agent_workers.execution.tools.builtins import tools_at_hand
from agent_workers.execution.tools.describing import described
from agent_workers.local.agents.models import catalog_here
from agent_workers.observability.logs import set_up_logs
from agent_workers.observability.programs import run_program
from agent_workers.observability.stalls import end_when_stalled
from agent_workers.settings import Settings, load_settings
from agent_workers.state.awaiting import await_database
from agent_workers.state.catalogue.agent_versions import AgentVersions
from agent_workers.state.catalogue.agents import Agents
from agent_workers.state.catalogue.mcp import known_at
from agent_workers.state.catalogue.tools import Tools
from agent_workers.state.database.engine import Database
from agent_workers.state.database.schema import migration_order
from agent_workers.transport.celery_app.app import make_app
from agent_workers.transport.diagnosis import say_if_away
from agent_workers.worker.describing import report_of, worker_name
from agent_workers.worker.lifecycle import Lifecycle
from agent_workers.worker.parts.mcp import Reload
from agent_workers.worker.parts.models import model_steps
from agent_workers.worker.parts.registering import registered
from agent_workers.worker.reporting import say, take_back
from agent_workers.worker.runtime import open_runtime
from agent_workers.worker.stopping import Stopping
from agent_workers.worker.tasks import register_tasks
from agent_workers.worker.watchdog import PATIENCE_S, install_watchdog

log = structlog.get_logger(__name__)

_SLOTS = {"threads": 32, "solo": 1}
_FLAGS = ("--without-gossip", "--without-mingle")


def main(arguments: Sequence[str] | None = None) -> int:
    """Read settings, load agents, make them known, and consume until told to stop."""
    return run_program("worker", lambda: _work(load_settings(**_given(arguments))))


def _work(settings: Settings) -> None:
    settings.demand("database_url", "broker_url")
    catalog = catalog_here(settings)
    set_up_logs(**settings.logs, secrets=catalog.secrets)
    at_hand = tools_at_hand(checks_mail=bool(settings.imap_url))

    def reload(others: Sequence[Tool]) -> Registry:
        return load(settings.tools, beside=(*at_hand, *others))

    deque(modules_of(settings.tools), maxlen=0)  # their mistakes are told before we wait
    await_database(
        settings.database_url, patience_s=settings.start_wait_s, schema=migration_order()
    )
    registry = reload(tools_for(EVERYBODY, known_at(settings.database_url)))
    _refuse_effects_on_threads(settings, registry)
    warn_of_root(os.geteuid())
    warn_of_models(catalog, registry.models())
    say_if_away(settings.broker_url)
    if settings.redis_url and not settings.secret_pepper:
        log.warning("nothing_shared_in_redis", why="AGENT_SECRET_PEPPER is not set")
    make_known(settings, registry)
    report = report_of(settings, registry, catalog, slots=_slots(settings))
    _load_ahead(settings)
    say(settings.database_url, report)
    end_when_stalled()
    try:
        consume(settings, registry, catalog, reload=reload, report=report)
    finally:
        take_back(settings.database_url, report)


def warn_of_root(user: int) -> None:
    """Say that tools run as root, too; we cannot know an account that may read what they need."""
    if user == 0:
        # Celery's own word on it is ten lines.
        warnings.filterwarnings("ignore", "You're running the worker with superuser privileges")
        log.warning("worker_runs_as_root", remedy="run it as a user of its own, not as root")


def warn_of_models(catalog: ModelCatalog, used: Iterable[str]) -> None:
    """Say which models of the file and of agents would fail; a worker serves the others."""
    for state in states_of_models(catalog, (*catalog.named.models, *used)):
        if state.problem:
            remedy = "agent-workers doctor checks them all"
            log.warning("model_cannot_be_asked", model=state.name, why=state.problem, remedy=remedy)


def make_known(settings: Settings, registry: Registry) -> None:
    database = Database(settings.database_url, pool_size=1, name="agent_workers worker")
    for name in Agents(database).register(registered(registry)):
        remedy = f"run `agent-workers agents restore {name}`, or take it out of AGENT_TOOLS"
        log.warning("agent_retired", agent=name, why="it takes no new jobs", remedy=remedy)
    # Those of MCP servers come and go while workers run: they are kept elsewhere.
    own = (tool for tool in registry.tools.values() if tool.declared.schema is None)
    Tools(database).register([described(tool) for tool in own])
    database.close()


def _load_ahead(settings: Settings) -> None:
    """Load what agents that were applied from files need, before anything is forked or due."""
    if Lane.TOOL in settings.lanes and settings.embedding_model not in OFFLINE:
        load_litellm()
    if not {Lane.PLAN, Lane.EVALUATE} & set(settings.lanes):
        return
    database = Database(settings.database_url, pool_size=1, name="agent_workers worker")
    known = AgentVersions(database).everywhere()
    database.close()
    told = [version.definition for version in known if version.source is Source.YAML]
    if any(one.get("model") or one.get("ladders") for one in told):
        load_litellm()


def consume(
    settings: Settings,
    registry: Registry,
    catalog: ModelCatalog,
    *,
    reload: Reload | None = None,
    patience_s: float = PATIENCE_S,
    report: WorkerReport | None = None,
) -> None:
    prefork, slots = settings.pool == "prefork", _slots(settings)
    in_process = 1 if prefork else slots
    if prefork:
        model_steps(registry, settings, catalog)  # in the parent, so that its children share it
    # No key of a model is ever in the logs.
    set_up = partial(set_up_logs, **settings.logs, secrets=catalog.secrets)
    stopping = Stopping()
    lifecycle = Lifecycle(
        lambda: open_runtime(
            settings,
            registry,
            lanes=settings.lanes,
            slots=in_process,
            stopping=stopping,
            reload=reload,
            report=report,
            catalog=catalog,
        ),
        stopping,
    )
    app = make_app(
        settings.broker_url,
        lanes=settings.lanes,
        events=settings.task_events,
        remote_control=settings.remote_control,
    )
    register_tasks(app, lifecycle.runtime)
    lifecycle.connect(app, prefork=prefork, set_up=set_up)
    install_watchdog(
        app,
        broker_url=settings.broker_url,
        lanes=settings.lanes,
        stopping=stopping,
        patience_s=patience_s,
    )
    log.info(
        "worker_starting",
        lanes=",".join(settings.lanes),
        pool=settings.pool,
        slots=slots,
        agents=registry.names(),
        models=registry.models(),
    )
    signals.worker_ready.connect(lambda **_: log.info("worker_ready"), weak=False)
    app.worker_main(
        [
            *("--quiet", "worker"),
            *("--pool", settings.pool, "--concurrency", str(slots)),
            *("--hostname", worker_name(settings)),
            *("--loglevel", settings.log_level, *_FLAGS),
        ]
    )
    log.info("worker_stopped")


def _slots(settings: Settings) -> int:
    return settings.concurrency or _SLOTS.get(settings.pool) or os.cpu_count() or 2


def _refuse_effects_on_threads(settings: Settings, registry: Registry) -> None:
    """An effect that cannot be repeated needs a process that the kernel can end with it."""
    if settings.pool != "threads" or Lane.EFFECT not in settings.lanes:
        return
    needing = sorted(
        {
            name
            for agent in registry.agents
            for name, tool in agent.tools.items()
            if tool.lane is Lane.EFFECT
        }
    )
    raise Misdeclared(
        "the effect lane cannot run with --pool threads"
        + (f" (tools {', '.join(needing)} need it)" if needing else "")
        + ": use --pool prefork, or leave effect out of --lanes"
    )


def _given(arguments: Sequence[str] | None) -> dict[str, object]:
    given = vars(parser().parse_args(arguments))
    return {name: value for name, value in given.items() if value is not None}


def parser() -> argparse.ArgumentParser:
    taking = argparse.ArgumentParser(prog="agent-workers worker", description=__doc__)
    taking.add_argument("--lanes", help="comma-separated: plan, tool, effect, evaluate")
    taking.add_argument("--pool", choices=("threads", "prefork", "solo"))
    taking.add_argument("--concurrency", type=int, help="steps at once; 0: what suits the pool")
    taking.add_argument("--tools", help="comma-separated modules that declare agents")
    taking.add_argument("--name", dest="worker_name", help="the worker's name in Flower")
    return taking


if __name__ == "__main__":
    sys.exit(main())
