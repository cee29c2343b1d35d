"""Permits and evidence: the right to act once, and what became of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from agent_workers.domain.claim import Claimed
from agent_workers.domain.codec import plain
from agent_workers.domain.effect import (
    Asked,
    EffectRules,
    EffectState,
    KnownEffect,
    LastPermit,
    PermitMode,
    Proof,
    Says,
    Source,
)
from agent_workers.domain.ids import EffectKey, WorkerId
from agent_workers.domain.text.encoding import digest
from agent_workers.state.database.engine import Connection, Database
from agent_workers.state.database.server_clock import ServerClock

_ASK = """
select result, state, effect_result, request, first_granted_at, quiet_after, attempt, says,
       source, now, refusals, failed_looks, failed_looks_for_good, reason
  from ask_permit(%s, %s, %s, %s, 0, %s, %s, %s, %s, %s)"""
_QUIET, _NOW = 5, 9
_VOUCH = "select vouch_quiet(%s, %s, %s)"
_GRANT = "select grant_permit(%s, %s, %s, %s, %s, %s, %s, %s, %s)"
_EVIDENCE = """
select rings, contradicts from add_evidence(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
_LIVE = """
select attempt from permits where tenant_id = %s and effect_key = %s
   and (says is null or says = 'unknown') order by attempt"""
_IN_VAIN = """
update effects set failed_looks = failed_looks + 1,
                   failed_looks_for_good = failed_looks_for_good + %s
 where tenant_id = %s and effect_key = %s"""
_KEY_LIVES = """
select coalesce(max(key_expires_at) > clock_timestamp(), false) from permits
 where tenant_id = %s and effect_key = %s"""
_IS_INTENDED = "select exists (select from effects where tenant_id = %s and effect_key = %s)"
_IS_OPEN = "select has_live_permit(%s, %s, %s)"
_DOUBT = "select doubt_effect(%s, %s, %s, %s, %s, %s)"
_ABANDON = """
update effects set state = 'abandoned', doubt_reason = %s
 where tenant_id = %s and effect_key = %s and state in ('intended', 'in_doubt')"""


class Permits:
    """The effect protocol's statements; each method belongs to an open transaction."""

    def __init__(
        self, database: Database, worker_id: WorkerId, clock: ServerClock | None = None
    ) -> None:
        self._database = database
        self._worker_id = worker_id
        self.server_clock = clock or ServerClock(database)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        with self._database.transaction() as connection:
            yield connection

    def now(self) -> datetime:
        """Return the database's clock: look-ups are dated by it."""
        with self._database.connection() as connection:
            row = connection.execute("select clock_timestamp()").fetchone()
        assert row is not None
        instant: datetime = row[0]
        return instant

    def ask(
        self, connection: Connection, claimed: Claimed, key: EffectKey, request: bytes
    ) -> Asked:
        """Write the intent unless it stands, lock it, and read what decides."""
        arguments = (
            *(claimed.tenant_id, claimed.job_id, claimed.position, claimed.fence),
            *(key, claimed.tool, claimed.effect, request, digest(request)),
        )
        ours = self.server_clock.own()
        row = connection.execute(_ASK, arguments, binary=True).fetchone()
        assert row is not None
        if row[_QUIET] is not None and row[_QUIET] <= row[_NOW]:
            # Unless the clock ran ahead, or the server is another one than it was.
            since = self.server_clock.since_jump(row[_NOW], ours)
            connection.execute(_VOUCH, (claimed.tenant_id, key, since))
            row = connection.execute(_ASK, arguments, binary=True).fetchone()
            assert row is not None
        result, state, effect_result, stored, first, quiet, *more = row
        attempt, says, source, now, refusals, failed_looks, for_good, reason = more
        last = None
        if attempt is not None:
            last = LastPermit(
                attempt=attempt,
                says=Says(says) if says else None,
                source=Source(source) if source else None,
                quiet_after=quiet or now,
                reason=reason or "",
            )
        known = KnownEffect(
            state=EffectState(state) if state else EffectState.INTENDED,
            result=effect_result,
            first_granted_at=first,
            quiet_after=quiet,
            last=last,
            refusals=refusals or 0,
            failed_looks=failed_looks or 0,
            failed_looks_for_good=for_good or 0,
        )
        return Asked(result=result, known=known, request=stored or request, now=now)

    def grant(
        self,
        connection: Connection,
        claimed: Claimed,
        key: EffectKey,
        mode: PermitMode,
        attempt: int,
        rules: EffectRules,
    ) -> None:
        """Grant the next permit; nothing of it acts after its time-out and settling time."""
        connection.execute(
            _GRANT,
            (
                *(claimed.tenant_id, key, attempt, mode, claimed.fence, self._worker_id),
                _ms(rules.quiet_time),
                _ms(rules.key_ttl) if rules.key_ttl else None,
                _ms(rules.settle),
            ),
        )

    def evidence(self, connection: Connection, claimed: Claimed, proof: Proof) -> bool:
        """Keep what is known of a permit; true when it contradicts what was believed."""
        row = connection.execute(
            _EVIDENCE,
            (
                *(claimed.tenant_id, proof.key, proof.attempt, proof.says, proof.source),
                *(proof.result, None if proof.result is None else digest(proof.result)),
                *(str(self._worker_id), plain(proof.reason), proof.is_final),
            ),
        ).fetchone()
        return bool(row and row[1])

    def absent(self, connection: Connection, claimed: Claimed, key: EffectKey) -> None:
        """A look-up saw nothing of any permit that was still open."""
        rows = connection.execute(_LIVE, (claimed.tenant_id, key)).fetchall()
        for (attempt,) in rows:
            seen = Proof(key=key, attempt=attempt, says=Says.ABSENT, source=Source.LOOKUP)
            self.evidence(connection, claimed, seen)

    def looked_in_vain(
        self, connection: Connection, claimed: Claimed, key: EffectKey, *, for_good: bool
    ) -> None:
        """Count a look-up that saw nothing, neither the effect nor its absence."""
        connection.execute(_IN_VAIN, (int(for_good), claimed.tenant_id, key))

    def is_open(self, claimed: Claimed) -> bool:
        """Say whether an attempt at this step may have acted without our knowing."""
        place = (claimed.tenant_id, claimed.job_id, claimed.position)
        with self._database.connection() as connection:
            row = connection.execute(_IS_OPEN, place).fetchone()
        return bool(row and row[0])

    def is_intended(self, claimed: Claimed, key: EffectKey) -> bool:
        """Say whether any worker has come as far as wanting this effect."""
        with self._database.connection() as connection:
            row = connection.execute(_IS_INTENDED, (claimed.tenant_id, key)).fetchone()
        return bool(row and row[0])

    def key_lives(self, connection: Connection, claimed: Claimed, key: EffectKey) -> bool:
        """Say whether who has the tool could still use the effect's key."""
        row = connection.execute(_KEY_LIVES, (claimed.tenant_id, key)).fetchone()
        return bool(row and row[0])

    def doubt(self, connection: Connection, claimed: Claimed, key: EffectKey, reason: str) -> str:
        """Park the step: nobody can know whether its effect happened."""
        place = (claimed.tenant_id, claimed.job_id, claimed.position, claimed.fence)
        row = connection.execute(_DOUBT, (*place, key, plain(reason))).fetchone()
        return "" if row is None else str(row[0])

    def abandon(
        self, connection: Connection, claimed: Claimed, key: EffectKey, reason: str
    ) -> None:
        connection.execute(_ABANDON, (plain(reason), claimed.tenant_id, key))


def _ms(span: timedelta) -> int:
    return round(span / timedelta(milliseconds=1))
