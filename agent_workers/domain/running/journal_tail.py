"""The tail of the journal as a relay tells it: each job in order, and nothing left out."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A journal entry, the transaction that wrote it, and whether it is read before its turn."""

    tenant_id: str
    job_id: UUID
    number: int
    type: str
    at: datetime
    data: bytes
    xact: int
    early: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Ahead:
    """An entry that was told although its transaction's turn has not come."""

    xact: int
    tenant_id: str
    job_id: UUID
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What to tell now, and where the relay stands once it has been told."""

    entries: Sequence[Entry]
    told_xact: int
    ahead: Collection[Ahead]


def telling(found: Sequence[Entry], ahead: Collection[Ahead]) -> Telling:
    """Put what was found into the order of telling: job by job, each by its own numbers."""
    known = set(ahead)
    fresh = [one for one in found if _ahead(one) not in known]
    began: dict[tuple[str, UUID], int] = {}
    for one in fresh:
        place = (one.tenant_id, one.job_id)
        began[place] = min(one.xact, began.get(place, one.xact))
    told_xact = max(one.xact for one in found if not one.early)
    return Telling(
        entries=sorted(
            fresh,
            key=lambda e: (began[e.tenant_id, e.job_id], e.tenant_id, e.job_id, e.number),
        ),
        told_xact=told_xact,
        ahead=sorted(
            {one for one in known if one.xact > told_xact}
            | {_ahead(one) for one in fresh if one.early}
        ),
    )


def _ahead(entry: Entry) -> Ahead:
    return Ahead(entry.xact, entry.tenant_id, entry.job_id, entry.number)
