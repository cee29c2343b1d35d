"""Running batches: write what was asked for, then ring for the jobs that were admitted."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from agent_workers.domain.batch import ENDED, BatchItem, BatchStatus, BatchTerms
from agent_workers.domain.ids import TenantId
from agent_workers.orchestration.ports import Ring
from agent_workers.state.batches.rows import Batches, Kept, Opened

# A cancel looks so often itself; the keepers of the workers do the rest.
_LOOKS = 4


class BatchRuns:
    def __init__(self, batches: Batches, *, ring: Ring) -> None:
        self._batches = batches
        self._ring = ring

    def create(  # noqa: PLR0913 (one request, each part by its name)
        self,
        tenant_id: TenantId,
        batch_id: UUID,
        terms: BatchTerms,
        *,
        items: Sequence[BatchItem],
        start: bool,
        key: str | None,
        fingerprint: bytes,
    ) -> Opened:
        """Store a batch and begin it, or find the one that the key stands for."""
        opened = self._batches.create(
            tenant_id,
            batch_id,
            terms,
            items=items,
            start=start,
            key=key,
            fingerprint=fingerprint,
        )
        if start and not opened.replayed:
            self._look(tenant_id, batch_id)
        return opened

    def add(self, tenant_id: TenantId, batch_id: UUID, items: Sequence[BatchItem]) -> Kept:
        return self._batches.add(tenant_id, batch_id, items)

    def start(self, tenant_id: TenantId, batch_id: UUID) -> BatchStatus:
        status = self._batches.start(tenant_id, batch_id)
        self._look(tenant_id, batch_id)
        return status

    def cancel(self, tenant_id: TenantId, batch_id: UUID, *, reason: str) -> BatchStatus:
        """Stop a batch; what is not stopped when this returns is stopped by the keepers."""
        status = self._batches.cancel(tenant_id, batch_id, reason=reason)
        if status not in ENDED:
            for _ in range(_LOOKS):
                self._look(tenant_id, batch_id)
        return status

    def keep(self, since: datetime | None = None) -> None:
        """Look after the batches whose time has come, of which none is due before `since`."""
        due = self._batches.keep(since)
        if due:
            self._ring(due, parent=None)

    def _look(self, tenant_id: TenantId, batch_id: UUID) -> None:
        due = self._batches.keep_this(tenant_id, batch_id)
        if due:
            self._ring(due, parent=None)
