"""Reading effects for the people who have to judge them: intent, permits and evidence."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from agent_workers.domain.ids import JobId, TenantId
from agent_workers.state.database.engine import Connection, Database
from agent_workers.state.database.pages import Page, Row, read_page

_FIELDS = (
    "effect_key job_id position tool cls request state result doubt_reason doubted_at created_at"
).split()
_COLUMNS = ", ".join(f'"{field}"' for field in _FIELDS)
_DOUBTS = f"""
select {_COLUMNS} from effects
 where tenant_id = %(tenant_id)s and state = 'in_doubt'
   and (%(at)s::timestamptz is null
        or (doubted_at, effect_key) > (%(at)s, %(effect_key)s::uuid))
 order by doubted_at, effect_key"""
_ONE = f"select {_COLUMNS} from effects where tenant_id = %s and effect_key = %s"
_PERMIT_FIELDS = "attempt mode granted_at quiet_after key_expires_at says source".split()
_PERMITS = f"""
select {", ".join(_PERMIT_FIELDS)} from permits
 where tenant_id = %s and effect_key = %s order by attempt"""
_EVIDENCE_FIELDS = "number attempt says source result given_by reason contradicts at".split()
_EVIDENCE = f"""
select {", ".join(_EVIDENCE_FIELDS)} from evidence
 where tenant_id = %s and effect_key = %s order by number"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitSeen:
    attempt: int
    mode: str
    granted_at: datetime
    quiet_after: datetime
    key_expires_at: datetime | None
    says: str | None
    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSeen:
    number: int
    attempt: int
    says: str
    source: str
    result: bytes | None
    given_by: str
    reason: str
    contradicts: bool
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectSeen:
    """An effect as a person judges it; the request is the exact bytes that were intended."""

    effect_key: UUID
    job_id: JobId
    position: int
    tool: str
    cls: str
    request: bytes
    state: str
    result: bytes | None
    doubt_reason: str | None
    doubted_at: datetime | None
    created_at: datetime
    permits: tuple[PermitSeen, ...] = ()
    evidence: tuple[EvidenceSeen, ...] = ()


class EffectReads:
    def __init__(self, database: Database) -> None:
        self._database = database

    def doubts(
        self, tenant_id: TenantId, *, limit: int, behind: tuple[datetime, UUID] | None = None
    ) -> Page[EffectSeen]:
        """List effects in doubt, the oldest doubt first."""
        at, effect_key = behind or (None, None)
        asked = {"tenant_id": tenant_id, "at": at, "effect_key": effect_key}
        return read_page(self._database, _DOUBTS, asked, limit=limit, seen=_effect)

    def effect(self, tenant_id: TenantId, effect_key: UUID) -> EffectSeen | None:
        """Read one effect, in doubt or not, with its permits and all evidence."""
        place = (tenant_id, effect_key)
        with self._database.connection() as connection:
            row = connection.execute(_ONE, place).fetchone()
            if row is None:
                return None
            return EffectSeen(
                **dict(zip(_FIELDS, row, strict=True)),
                permits=_permits(connection, place),
                evidence=_evidence(connection, place),
            )


def _effect(row: Row) -> EffectSeen:
    return EffectSeen(**dict(zip(_FIELDS, row, strict=True)))


def _permits(connection: Connection, place: tuple[TenantId, UUID]) -> tuple[PermitSeen, ...]:
    rows = connection.execute(_PERMITS, place).fetchall()
    return tuple(PermitSeen(**dict(zip(_PERMIT_FIELDS, row, strict=True))) for row in rows)


def _evidence(connection: Connection, place: tuple[TenantId, UUID]) -> tuple[EvidenceSeen, ...]:
    rows = connection.execute(_EVIDENCE, place).fetchall()
    return tuple(EvidenceSeen(**dict(zip(_EVIDENCE_FIELDS, row, strict=True))) for row in rows)
