"""Permits and evidence in memory; what they lead to is decided by `domain/permitting.py`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from agent_workers.domain.claim import Claimed
from agent_workers.domain.codec import plain
from agent_workers.domain.effect import (
    Asked,
    EffectClass,
    EffectRules,
    EffectState,
    KnownEffect,
    LastPermit,
    PermitMode,
    Proof,
    Says,
    Source,
)
from agent_workers.domain.errors import EffectNotFound, IllegalMove, TooEarly
from agent_workers.domain.ids import EffectKey, TenantId
from agent_workers.domain.job import JobStatus
from agent_workers.domain.step import StepStatus
from agent_workers.orchestration.store import Open
from agent_workers.testing.memory import ending
from agent_workers.testing.memory.rows import Effect, Job, Permit, Rows

_OF_THE_EFFECT: Final = frozenset({Source.LOOKUP, Source.ASSUMED})
_WITHOUT_DOUBT: Final = {
    EffectState.DONE: "it is known to have happened",
    EffectState.ABANDONED: "it was already abandoned",
    EffectState.INTENDED: "its step goes on by itself",
}


class Permits:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    @contextmanager
    def transaction(self) -> Iterator[None]:
        yield None

    def now(self) -> datetime:
        return self._rows.now()

    def ask(self, connection: Open, claimed: Claimed, key: EffectKey, request: bytes) -> Asked:
        """Write the intent unless it stands, and read what decides."""
        del connection
        job, step, now = self._rows.job_of(claimed), self._rows.held(claimed), self._rows.now()
        if step is None:
            nothing = KnownEffect(
                state=EffectState.INTENDED,
                result=None,
                first_granted_at=None,
                quiet_after=None,
                last=None,
            )
            return Asked(result="fenced", known=nothing, request=request, now=now)
        effect = self._intended(claimed, key, request)
        known = _known(effect, now)
        is_late = job.deadline_at is not None and job.deadline_at <= now
        is_stopping = job.status is JobStatus.CANCELING or job.pause_requested or is_late
        result = "stopping" if is_stopping else "ok"
        may_settle = effect.state is EffectState.INTENDED and effect.cls is not EffectClass.UNSAFE
        if job.status is JobStatus.CANCELING and known.quiet_after is not None and may_settle:
            result = "settling"
        return Asked(result=result, known=known, request=effect.request, now=now)

    def grant(
        self,
        connection: Open,
        claimed: Claimed,
        key: EffectKey,
        mode: PermitMode,
        attempt: int,
        rules: EffectRules,
    ) -> None:
        """Grant the next permit; nothing of it acts after its time-out and settling time."""
        del connection
        effect, now = self._effect(claimed.tenant_id, key), self._rows.now()
        effect.first_granted_at = effect.first_granted_at or now
        effect.state, effect.reason = EffectState.INTENDED, None
        effect.failed_looks = effect.failed_looks_for_good = 0
        lives_from = effect.first_granted_at if mode is PermitMode.SAME_KEY else now
        permit = Permit(attempt=attempt, quiet_after=now + rules.quiet_time)
        if effect.cls is EffectClass.KEYED and rules.key_ttl is not None:
            permit.key_expires_at = lives_from + rules.key_ttl
        effect.permits.append(permit)
        step = self._rows.held(claimed)
        if step is not None:
            whole = timedelta(milliseconds=step.told.timeout_ms)
            if step.lease_until is not None and step.lease_until < now + whole:
                step.lease_until = now + 2 * whole

    def evidence(self, connection: Open, claimed: Claimed, proof: Proof) -> bool:
        """Keep what is known of a permit; true when it contradicts what was believed."""
        del connection
        return self._keep(claimed.tenant_id, proof)

    def absent(self, connection: Open, claimed: Claimed, key: EffectKey) -> None:
        """Note that a look-up saw nothing of any permit that was still open."""
        for permit in self._effect(claimed.tenant_id, key).permits:
            if permit.is_open:
                seen = Proof(
                    key=key, attempt=permit.attempt, says=Says.ABSENT, source=Source.LOOKUP
                )
                self.evidence(connection, claimed, seen)

    def looked_in_vain(
        self, connection: Open, claimed: Claimed, key: EffectKey, *, for_good: bool
    ) -> None:
        """Count a look-up that saw nothing, neither the effect nor its absence."""
        del connection
        effect = self._effect(claimed.tenant_id, key)
        effect.failed_looks += 1
        effect.failed_looks_for_good += for_good

    def is_open(self, claimed: Claimed) -> bool:
        return self._rows.has_live_permit(self._rows.job_of(claimed), claimed.position)

    def is_intended(self, claimed: Claimed, key: EffectKey) -> bool:
        return (claimed.tenant_id, key) in self._rows.effects

    def key_lives(self, connection: Open, claimed: Claimed, key: EffectKey) -> bool:
        """Say whether who has the tool could still use the effect's key."""
        del connection
        permits = self._effect(claimed.tenant_id, key).permits
        return any(one.key_expires_at and one.key_expires_at > self.now() for one in permits)

    def doubt(self, connection: Open, claimed: Claimed, key: EffectKey, reason: str) -> str:
        """Park the step: nobody can know whether its effect happened."""
        del connection
        rows, job, step = self._rows, self._rows.job_of(claimed), self._rows.held(claimed)
        if step is None:
            return "fenced"
        stops = job.status is JobStatus.CANCELING
        step.leave(StepStatus.CANCELED if stops else StepStatus.IN_DOUBT)
        if not stops and not job.pause_requested:
            job.status = JobStatus.IN_DOUBT
        ending.mark_doubt(rows, job, self._effect(claimed.tenant_id, key), plain(reason))
        if stops and not job.open_steps():
            ending.end_stopped(rows, job)
        return step.status

    def abandon(self, connection: Open, claimed: Claimed, key: EffectKey, reason: str) -> None:
        del connection
        effect = self._effect(claimed.tenant_id, key)
        if effect.state in {EffectState.INTENDED, EffectState.IN_DOUBT}:
            effect.state, effect.reason = EffectState.ABANDONED, plain(reason)

    def give_verdict(
        self, tenant_id: TenantId, key: EffectKey, verdict: str, result: bytes | None, reason: str
    ) -> None:
        """Settle a doubt: `happened`, `not_happened` or `abandon`; "not" only after the quiet time."""
        effect = self._rows.effects.get((tenant_id, key))
        if effect is None:
            raise EffectNotFound(f"there is no effect {key}")
        if effect.state is not EffectState.IN_DOUBT:
            raise IllegalMove(f"This effect is not in doubt: {_WITHOUT_DOUBT[effect.state]}")
        if verdict == "abandon":
            effect.state, effect.reason = EffectState.ABANDONED, reason
            told = Proof(key=key, attempt=0, says=Says.ABSENT, source=Source.VERDICT)
            self._end_doubt(self._rows.jobs[tenant_id, effect.job_id], effect, told, "abandoned")
            return
        says = Says.HAPPENED if verdict == "happened" else Says.ABSENT
        for permit in [one for one in effect.permits if one.is_open]:
            if says is Says.ABSENT and self.now() < permit.quiet:
                raise TooEarly(
                    f"Attempt {permit.attempt} may still take effect until"
                    f" {permit.quiet:%Y-%m-%d %H:%M:%S} UTC. Only after that can anybody say that"
                    " it did not happen."
                )
            self._keep(
                tenant_id,
                Proof(
                    key=key,
                    attempt=permit.attempt,
                    says=says,
                    source=Source.VERDICT,
                    result=result,
                    reason=reason,
                ),
            )
            if says is Says.HAPPENED:
                return

    def _keep(self, tenant_id: TenantId, proof: Proof) -> bool:
        effect = self._effect(tenant_id, proof.key)
        job = self._rows.jobs[tenant_id, effect.job_id]
        if proof.source in _OF_THE_EFFECT:
            # Who looks sees the effect, not the attempt: it speaks for the newest that is still open.
            still = [p.attempt for p in effect.permits if p.is_open and p.attempt <= proof.attempt]
            proof = replace(proof, attempt=max(still, default=proof.attempt))
        permit = next(one for one in effect.permits if one.attempt == proof.attempt)
        contradicts = _contradicts(effect, permit, proof)
        effect.evidence.append(proof)
        if permit.is_open:
            permit.says, permit.source = proof.says, proof.source
            permit.refused_for_good = proof.is_final
        if proof.says is Says.HAPPENED and effect.state is not EffectState.DONE:
            effect.state = EffectState.DONE
            effect.result, effect.reason = proof.result or b"null", None
        if contradicts:
            job.note(self.now(), "effect_contradicted", _told(effect, proof))
        if proof.says is not Says.UNKNOWN:
            self._end_doubt(job, effect, proof, proof.says)
        return contradicts

    def _end_doubt(self, job: Job, effect: Effect, proof: Proof, says: str) -> None:
        """Wake the step that stood in doubt, or say what came too late."""
        if effect.state is EffectState.IN_DOUBT and proof.says is not Says.HAPPENED:
            effect.state, effect.reason = EffectState.INTENDED, None
        step = job.steps[effect.position]
        told = _told(effect, proof) | {"says": says}
        if step.status is StepStatus.IN_DOUBT:
            step.status = StepStatus.PAUSED if job.pause_requested else StepStatus.READY
            step.due_at = self.now()
            after = ending.status_of_live(self._rows, job, started=True)
            job.status = JobStatus.PAUSED if job.pause_requested else after
            job.note(self.now(), "doubt_ended", told)
        elif job.has_ended:
            job.note(self.now(), "effect.evidence_late", told)

    def _intended(self, claimed: Claimed, key: EffectKey, request: bytes) -> Effect:
        made = Effect(
            key=key,
            job_id=claimed.job_id,
            position=claimed.position,
            tool=claimed.tool,
            cls=claimed.effect,
            request=request,
        )
        effect = self._rows.effects.setdefault((claimed.tenant_id, key), made)
        if (effect.request, effect.tool) != (request, claimed.tool):
            raise IllegalMove(f"effect {key} was recorded before with a different request")
        # A retried job keeps its root's effects: what becomes of them is told to who asks last.
        effect.job_id = claimed.job_id
        return effect

    def _effect(self, tenant_id: TenantId, key: EffectKey) -> Effect:
        return self._rows.effects[tenant_id, key]


def _known(effect: Effect, now: datetime) -> KnownEffect:
    quiet = max((one.quiet for one in effect.permits if one.is_open), default=None)
    newest = effect.permits[-1] if effect.permits else None
    last = (
        None
        if newest is None
        else LastPermit(
            attempt=newest.attempt,
            says=newest.says,
            source=newest.source,
            quiet_after=quiet or now,
            reason=_reason(effect, newest),
        )
    )
    return KnownEffect(
        state=effect.state,
        result=effect.result,
        first_granted_at=effect.first_granted_at,
        quiet_after=quiet,
        last=last,
        refusals=sum(one.refused_for_good for one in effect.permits),
        failed_looks=effect.failed_looks,
        failed_looks_for_good=effect.failed_looks_for_good,
    )


def _reason(effect: Effect, permit: Permit) -> str:
    """Say with what a permit ended that was not told to have happened."""
    if permit.says not in {Says.UNKNOWN, Says.NOT_EXECUTED}:
        return ""
    said = [one.reason for one in effect.evidence if one.attempt == permit.attempt]
    return said[-1] if said else ""


def _contradicts(effect: Effect, permit: Permit, proof: Proof) -> bool:
    if proof.says is Says.UNKNOWN:
        return False
    if proof.says is not Says.HAPPENED:
        return permit.says is Says.HAPPENED
    done_before = effect.state is EffectState.DONE and effect.cls is not EffectClass.KEYED
    return (
        permit.says in {Says.ABSENT, Says.NOT_EXECUTED}
        or effect.state is EffectState.ABANDONED
        or (done_before and proof.source is Source.REPLY and permit.is_open)
    )


def _told(effect: Effect, proof: Proof) -> dict[str, object]:
    return {
        "position": effect.position,
        "effect_key": str(effect.key),
        "says": proof.says,
        "source": proof.source,
    }
