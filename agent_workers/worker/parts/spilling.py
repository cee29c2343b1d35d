"""Evidence on disk, as this process puts it there and as any process of its host writes it later."""

import time

import structlog

from agent_workers.domain.claim import Claimed
from agent_workers.domain.effect import Proof
from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.ids import WorkerId
from agent_workers.orchestration.effects.keeping_evidence import Proving
from agent_workers.state.database.engine import Database
from agent_workers.state.steps.permits import Permits
from agent_workers.state.steps.records import Records
from agent_workers.state.steps.spill import Spilled, SpillFolder, SpillUnreadable
from agent_workers.state.steps.spilled import SpilledRows

log = structlog.get_logger(__name__)

_LOOK_EVERY_S = 1.0


class Spilling:
    """What the driver needs: a proof goes to disk, and away when it was written after all."""

    def __init__(self, folder: SpillFolder, worker_id: WorkerId) -> None:
        self._folder = folder
        self._worker_id = worker_id

    def put(self, claimed: Claimed, proof: Proof) -> None:
        self._folder.put(self._spilled(claimed, proof))

    def forget(self, claimed: Claimed, proof: Proof) -> None:
        try:
            self._folder.forget(self._spilled(claimed, proof))
        except OSError as error:  # whoever reads it finds it written already
            log.warning("spill_not_removed", error=str(error))

    def _spilled(self, claimed: Claimed, proof: Proof) -> Spilled:
        return Spilled(tenant_id=claimed.tenant_id, by=str(self._worker_id), proof=proof)


class LateEvidence:
    """Writes what this process or one before it left on disk; called by the keeper."""

    def __init__(self, folder: SpillFolder, rows: SpilledRows) -> None:
        self._folder = folder
        self._rows = rows
        self._looked_at = 0.0
        # Named once; `agent-workers doctor` goes on naming them.
        self._refused: set[str] = set()

    def keep(self) -> None:
        if time.monotonic() - self._looked_at < _LOOK_EVERY_S:
            return
        self._looked_at = time.monotonic()
        for path in self._folder.paths():
            if path.name in self._refused:
                continue
            try:
                with self._folder.taken(path) as spilled:
                    if spilled is None:
                        continue
                    self._rows.write(spilled)
                    path.unlink(missing_ok=True)
            except StateUnavailable:
                raise
            except (OSError, SpillUnreadable):
                self._refused.add(path.name)
                log.exception("spilled_evidence_refused", file=str(path))
            else:
                log.warning("spilled_evidence_written", key=spilled.proof.key.hex)


def proving(
    folder: SpillFolder, permits: Permits, records: Records, worker_id: WorkerId
) -> Proving:
    return Proving(permits=permits, records=records, spill=Spilling(folder, worker_id))


def late_evidence(folder: SpillFolder, database: Database) -> LateEvidence:
    return LateEvidence(folder, SpilledRows(database))
