"""What a keeper looks after besides steps and workers: chores that are due now and then."""

import time
from collections.abc import Callable

from agent_workers.domain.worker_report import WorkerReport
from agent_workers.orchestration.breakers import SharedBreakers
from agent_workers.orchestration.ports import Ring
from agent_workers.orchestration.requests.batches import BatchRuns
from agent_workers.state.access.quotas import Quotas
from agent_workers.state.database.engine import Database
from agent_workers.state.memories.rows import MemoryRows
from agent_workers.state.steps.sweeps import Seen
from agent_workers.state.steps.worker_reports import WorkerReports
from agent_workers.state.triggers.dead_letters import Letters
from agent_workers.worker.parts.conversations import Conversations
from agent_workers.worker.parts.mcp import McpTools
from agent_workers.worker.parts.spilling import LateEvidence
from agent_workers.worker.reporting import beats

_AT_ONCE = 500


class Chore:
    """Done so often; while there is more than one turn takes, every time it is asked."""

    def __init__(
        self,
        do: Callable[[], bool],
        *,
        every_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._do = do
        self._every_s = every_s
        self._clock = clock
        self._due_at = clock()

    def keep(self) -> None:
        """Do it, if it is time."""
        now = self._clock()
        if now >= self._due_at:
            self._due_at = now if self._do() else now + self._every_s


def chores(
    database: Database, report: WorkerReport | None, stopping: Callable[[], bool], ring: Ring
) -> Callable[[], None]:
    """Return what does each of them in its time."""
    beat = beats(WorkerReports(database), report, stopping=stopping, ring=ring)
    memories, letters, quotas = MemoryRows(database), Letters(database), Quotas(database)
    every = (
        Chore(lambda: memories.forget_expired(most=_AT_ONCE) == _AT_ONCE, every_s=60),
        Chore(lambda: letters.forget_oldest(most=_AT_ONCE) == _AT_ONCE, every_s=60),
        Chore(quotas.count_bytes, every_s=10),
    )

    def keep() -> None:
        beat()
        for chore in every:
            chore.keep()

    return keep


def keeping(
    *,
    batches: BatchRuns,
    breakers: SharedBreakers,
    converse: Conversations,
    chores: Callable[[], None],
    mcp: McpTools,
    evidence: LateEvidence,
) -> Callable[[Seen], None]:
    """Return what does it; where nothing is due it asks Postgres nothing."""

    def keep(seen: Seen) -> None:
        if seen.is_due(seen.batch_at):
            batches.keep(seen.batch_at)
        if seen.is_due(seen.session_at):
            converse.keep(seen.session_at)
        if seen.breakers or breakers.knows_trouble:
            breakers.keep()
        chores()
        evidence.keep()
        mcp.keep(seen.mcp_versions, is_due=seen.mcp_due)

    return keep
