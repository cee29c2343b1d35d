"""Evidence is kept while Postgres is away: by patience, and after seconds on disk as well."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from agent_workers.domain.claim import Claimed, Recorded
from agent_workers.domain.decision import Decision
from agent_workers.domain.effect import Proof
from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.ids import to_wire
from agent_workers.orchestration.carrying import Going
from agent_workers.orchestration.patience import PROOF_IS_WORTH, patiently
from agent_workers.orchestration.ports import Spill
from agent_workers.orchestration.store import Evidence, Recording

log = structlog.get_logger(__name__)


class Proving:
    """Of an unsafe effect, the reply is all there will ever be."""

    def __init__(
        self,
        *,
        permits: Evidence,
        records: Recording,
        spill: Spill,
        patience_s: float = 20.0,
        on_disk_after_s: float = 3.0,
    ) -> None:
        self._permits = permits
        self._records = records
        self._spill = spill
        self._patience_s = patience_s
        self._on_disk_after_s = on_disk_after_s

    @contextmanager
    def safe(self, claimed: Claimed, proof: Proof | None) -> Iterator[None]:
        """Put a proof on disk when what stands between it and the database breaks."""
        try:
            yield
        except BaseException:
            if proof is not None:
                self._put(claimed, proof)
            raise

    def record(
        self,
        claimed: Claimed,
        decision: Decision,
        proof: Proof | None,
        written: bytes,
        onward: Going,
    ) -> Recorded:
        """Write a proof with its record; any process of this host goes on if this one cannot."""
        if proof is None:
            return patiently(
                lambda: self._records.record(claimed, decision, written=written, onward=onward()),
                seconds=self._patience_s,
            )

        def both() -> Recorded:
            with self._permits.transaction() as connection:
                self._permits.evidence(connection, claimed, proof)
                return self._records.record(
                    claimed, decision, written=written, onward=onward(), connection=connection
                )

        try:
            return patiently(both, seconds=self._on_disk_after_s)
        except StateUnavailable:
            self._put(claimed, proof)
        recorded = patiently(both, seconds=self._patience_s * PROOF_IS_WORTH)
        self._spill.forget(claimed, proof)
        return recorded

    def _put(self, claimed: Claimed, proof: Proof) -> None:
        place = {"job_id": to_wire(claimed.job_id), "position": claimed.position}
        try:
            self._spill.put(claimed, proof)
        except OSError:
            # Only our own patience is left; an operator can still make room.
            log.exception("evidence_not_spilled", **place)
        else:
            log.warning("evidence_spilled", says=proof.says, **place)
