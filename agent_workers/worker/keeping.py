"""What a keeper looks after besides steps and workers, each part when a look has seen it due."""

from collections.abc import Callable

from agent_workers.orchestration.breakers import SharedBreakers
from agent_workers.orchestration.requests.batches import BatchRuns
from agent_workers.state.steps.sweeps import Seen
from agent_workers.worker.parts.conversations import Conversations
from agent_workers.worker.parts.mcp import McpTools
from agent_workers.worker.parts.spilling import LateEvidence


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
