"""Controlling jobs: write what was asked for, then wake the workers and whoever is watching."""

from uuid import UUID

from agent_workers.domain.ids import JobId, TenantId
from agent_workers.orchestration.ports import Ring, Tell
from agent_workers.state.jobs.controls import Changed, Controls, GivenVerdict


class Control:
    def __init__(self, controls: Controls, *, ring: Ring, tell: Tell) -> None:
        self._controls = controls
        self._ring = ring
        self._tell = tell

    def cancel(self, tenant_id: TenantId, job_id: JobId, *, reason: str, now: bool) -> Changed:
        return self._told(self._controls.stop(tenant_id, job_id, reason=reason, now=now))

    def pause(self, tenant_id: TenantId, job_id: JobId, *, reason: str) -> Changed:
        return self._told(self._controls.pause(tenant_id, job_id, reason=reason))

    def resume(self, tenant_id: TenantId, job_id: JobId) -> Changed:
        return self._told(self._controls.resume(tenant_id, job_id))

    def release(self, tenant_id: TenantId, job_id: JobId, position: int) -> Changed:
        return self._told(self._controls.release(tenant_id, job_id, position))

    def give_verdict(
        self,
        tenant_id: TenantId,
        effect_key: UUID,
        *,
        verdict: GivenVerdict,
        result: bytes | None,
        by: str,
        reason: str,
    ) -> Changed:
        """End a doubt by a person's word; the step goes on from it."""
        return self._told(
            self._controls.give_verdict(
                tenant_id, effect_key, verdict=verdict, result=result, by=by, reason=reason
            )
        )

    def _told(self, changed: Changed) -> Changed:
        if changed.due:
            self._ring(changed.due, parent=None)
        self._tell(changed.job_id)
        return changed
