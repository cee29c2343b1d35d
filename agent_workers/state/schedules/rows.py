"""A schedule's row as a value, and back."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from agent_workers.domain.ids import TenantId
from agent_workers.domain.schedules.schedule import CatchUp, Overlap, ScheduleStatus, ScheduleType
from agent_workers.domain.schedules.target import read_target, write_target
from agent_workers.domain.schedules.terms import ScheduleTerms

TERMS = (
    "name type expression timezone interval_s run_at start_at end_at overlap catch_up"
    " catch_up_window_s jitter_s target metadata"
).split()
_OWN = (
    "tenant_id schedule_id status next_fire_at last_fire_at version created_at updated_at".split()
)
COLUMNS = ", ".join([*_OWN, *(f"{name}::text" if name == "metadata" else name for name in TERMS)])


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSeen:
    """A schedule as it stands; `version` counts what people changed, not its fires."""

    tenant_id: TenantId
    schedule_id: UUID
    status: ScheduleStatus
    next_fire_at: datetime | None
    last_fire_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime
    terms: ScheduleTerms


def schedule_of(row: Sequence[object]) -> ScheduleSeen:
    """Read a row of COLUMNS."""
    # Arithmetic in the zone of a database session would move the clock twice a year.
    plain = [one.astimezone(UTC) if isinstance(one, datetime) else one for one in row]
    own = dict(zip(_OWN, plain[: len(_OWN)], strict=True))
    given = dict(zip(TERMS, plain[len(_OWN) :], strict=True))
    target, metadata = given.pop("target"), given.pop("metadata")
    assert isinstance(target, bytes)
    assert isinstance(metadata, str)
    terms = ScheduleTerms(
        **given  # type: ignore[arg-type]  # columns have the types of the fields
        | {
            "type": ScheduleType(str(given["type"])),
            "overlap": Overlap(str(given["overlap"])),
            "catch_up": CatchUp(str(given["catch_up"])),
        },
        target=read_target(target),
        metadata=json.loads(metadata),
    )
    status = ScheduleStatus(str(own.pop("status")))
    return ScheduleSeen(**own, status=status, terms=terms)  # type: ignore[arg-type]  # as above


def terms_row(terms: ScheduleTerms) -> list[object]:
    """Return the values of TERMS, in their order."""
    plain: dict[str, object] = {name: getattr(terms, name) for name in TERMS}
    plain["target"] = write_target(terms.target)
    plain["metadata"] = json.dumps(dict(terms.metadata))
    return [plain[name] for name in TERMS]
