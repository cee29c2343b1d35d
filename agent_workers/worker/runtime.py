"""Composition root of the worker: settings become the parts of one process."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog

from agent_workers.domain.claim import Due
from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.ids import JobId, TenantId, WorkerId
from agent_workers.domain.memory.session import SessionTerms
from agent_workers.domain.step import Lane
from agent_workers.domain.worker_report import WorkerReport
from agent_workers.execution.agents.registry import Registry
from agent_workers.execution.agents.roster import Roster
from agent_workers.execution.mcp.opening import Opener
from agent_workers.execution.model_steps import ModelSteps
from agent_workers.execution.models.named.catalog import ModelCatalog
from agent_workers.execution.perform import Performer
from agent_workers.execution.users_code.calling import end_coroutines
from agent_workers.local.agents.models import catalog_here, embedder_here, hidden_places
from agent_workers.local.outside import caller_of
from agent_workers.orchestration.breakers import SharedBreakers
from agent_workers.orchestration.carrying import TAIL
from agent_workers.orchestration.effects.act import EffectProtocol
from agent_workers.orchestration.engine_tools.run import Engaging
from agent_workers.orchestration.ports import Ring
from agent_workers.orchestration.requests.batches import BatchRuns
from agent_workers.orchestration.steps.advance import Driver
from agent_workers.orchestration.steps.after_step import Aftermath
from agent_workers.orchestration.steps.fallbacks import FindWays
from agent_workers.orchestration.steps.tool_slots import Places
from agent_workers.settings import Settings, mcp_secrets
from agent_workers.state.batches.rows import Batches
from agent_workers.state.catalogue.agent_versions import AgentVersions
from agent_workers.state.catalogue.breakers import BreakerRows
from agent_workers.state.database.engine import Database
from agent_workers.state.database.server_clock import ServerClock
from agent_workers.state.jobs.messages import Mail
from agent_workers.state.sessions.rows import Sessions
from agent_workers.state.steps.calls import Calls
from agent_workers.state.steps.claims import Claims
from agent_workers.state.steps.permits import Permits
from agent_workers.state.steps.records import Records
from agent_workers.state.steps.spill import SpillFolder
from agent_workers.state.steps.sweeps import Sweeps
from agent_workers.state.steps.tool_slots import ToolPlaces
from agent_workers.state.steps.waits import Waits
from agent_workers.state.steps.workers import DeadMan, Workers
from agent_workers.transport.doorbells.depth import Depths
from agent_workers.transport.doorbells.nudge import Nudge
from agent_workers.transport.doorbells.ring import ring_of
from agent_workers.transport.shared.wake import Wakeups
from agent_workers.worker.chores import chores, keeping
from agent_workers.worker.delivery import Busy, Deliveries
from agent_workers.worker.keeper import Keeper
from agent_workers.worker.parts.agent_book import AgentBook
from agent_workers.worker.parts.conversations import Conversations, conversations
from agent_workers.worker.parts.facilities import facilities
from agent_workers.worker.parts.mcp import McpTools, Reload, mcp_tools
from agent_workers.worker.parts.models import model_steps, patient
from agent_workers.worker.parts.routing import tool_router
from agent_workers.worker.parts.spilling import late_evidence, proving
from agent_workers.worker.parts.timers import KernelTimer
from agent_workers.worker.process import this_process
from agent_workers.worker.stopping import Stopping

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The parts of one process that does work; made after fork."""

    worker_id: WorkerId
    deliveries: Deliveries
    keeper: Keeper
    workers: Workers
    database: Database
    models: ModelSteps | None
    nudge: Nudge
    wakeups: Wakeups
    stopping: Stopping
    mcp: McpTools

    def deliver(self, tenant_id: str, job_id: str, position: int, task_id: str | None) -> int:
        return self.deliveries.deliver(
            TenantId(tenant_id), JobId(UUID(job_id)), position, task_id=task_id
        )

    def close(self) -> None:
        """Leave in order: nothing held, nothing unsent."""
        self.keeper.stop()
        try:
            self.workers.leave(self.worker_id)
        except AgentWorkersError as error:
            # The lock is gone all the same: others will find that this process has ended.
            log.warning("left_without_a_word", error=str(error))
        end_coroutines()
        if self.models is not None:
            self.models.close()
        self.mcp.servers.close()
        self.nudge.close()
        self.wakeups.close()
        self.database.close()


def open_runtime(  # noqa: PLR0913 (what a worker was started with, each by its name)
    settings: Settings,
    registry: Registry,
    *,
    lanes: Sequence[Lane],
    slots: int,
    stopping: Stopping | None = None,
    reload: Reload | None = None,
    report: WorkerReport | None = None,
    catalog: ModelCatalog | None = None,
) -> Runtime:
    """Assemble and start the parts of this process."""
    worker_id = (process := this_process(lanes)).worker_id
    database = Database(
        settings.database_url,
        pool_size=min(settings.db_pool_size, slots + 1),
        name="agent_workers worker",
    )
    hides = hidden_places(settings, catalog := catalog or catalog_here(settings))
    converse = _conversations(settings, database)
    nudge = Nudge(settings.broker_url)
    wakeups = Wakeups(settings.redis_url or None)
    claims = Claims(database, worker_id)
    permits = Permits(database, worker_id, ServerClock(database))
    records = Records(database, worker_id, tuple(lanes), most_bytes=settings.job_mib << 20)
    roster = Roster(registry, AgentVersions(database).fetch)
    mcp = mcp_tools(
        database,
        Opener(secrets=mcp_secrets(), http=caller_of(settings), hides=hides),
        roster,
        reload or (lambda _: registry),
        lanes=lanes,
    )
    given = facilities(
        database=database,
        servers=mcp.servers,
        settings=settings,
        hides=hides,
        embedder=embedder_here(settings, catalog),
    )
    router = tool_router(
        settings.redis_url,
        roster.find,
        given,
        hides=hides,
        pepper=settings.secret_pepper,
    )
    stopping = stopping or Stopping()
    busy = Busy(slots=slots)

    ring = _ringing(nudge)

    def tell(job_id: JobId) -> None:
        wakeups.publish((job_id.hex,))

    breakers = SharedBreakers(BreakerRows(database), by=str(worker_id), ring=ring)
    models = model_steps(registry, settings, catalog, breakers, patient(Calls(database)))
    driver = Driver(
        book=AgentBook(roster),
        claims=claims,
        records=records,
        engaging=Engaging(Waits(database), Mail(database), ring=ring),
        perform=Performer(
            find=roster.find,
            router=router,
            models=models,
            converse=converse,
        ),
        tools=router,
        protocol=EffectProtocol(permits, router, KernelTimer()),
        ring=ring,
        tell=tell,
        aftermath=Aftermath(
            breakers=breakers,
            permits=permits,
            ways=FindWays(
                takes=router.takes,
                recalls=router.recall,
                history=lambda claimed: claims.history(claimed, limit=TAIL),
            ),
            jitter=random.random,
        ),
        places=Places(ToolPlaces(database, worker_id), ring=ring, jitter=random.random),
        calls=Calls(database),
        proving=proving(_spill(settings), permits, records, worker_id),
    )
    workers = Workers(database)
    keeper = Keeper(
        process=process,
        dead_man=DeadMan(url, process) if (url := settings.direct_database_url) else None,
        workers=workers,
        sweeps=Sweeps(database),
        clock=permits.server_clock,
        driver=driver,
        busy=busy,
        busy_lanes=Depths(settings.broker_url).busy,
        ring=ring,
        tell=tell,
        keep=keeping(
            batches=BatchRuns(Batches(database), ring=ring),
            breakers=breakers,
            converse=converse,
            chores=chores(database, report, stopping.is_set, ring),
            mcp=mcp,
            evidence=late_evidence(_spill(settings), database),
        ),
    )
    keeper.start()
    return Runtime(
        worker_id=worker_id,
        deliveries=Deliveries(
            lanes=lanes,
            driver=driver,
            claims=claims,
            ring=ring,
            busy=busy,
            stopping=stopping.is_set,
        ),
        keeper=keeper,
        workers=workers,
        database=database,
        models=models,
        nudge=nudge,
        wakeups=wakeups,
        stopping=stopping,
        mcp=mcp,
    )


def _ringing(nudge: Nudge) -> Ring:
    def ring(due: Sequence[Due], *, parent: str | None) -> None:
        nudge.ring([ring_of(one, parent) for one in due])

    return ring


def _conversations(settings: Settings, database: Database) -> Conversations:
    terms = SessionTerms(messages=settings.session_messages, tokens=settings.session_tokens)
    return conversations(
        Sessions(database, terms),
        redis_url=settings.redis_url,
        pepper=settings.secret_pepper,
        kept_for=timedelta(seconds=settings.session_ttl_s),
    )


def _spill(settings: Settings) -> SpillFolder:
    return SpillFolder(settings.spill_folder, settings.spill_secret)
