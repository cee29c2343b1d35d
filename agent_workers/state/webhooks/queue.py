"""Deliveries on their way: claimed when they are due, recorded attempt by attempt."""

import json
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.types.json import Jsonb

from agent_workers.domain.ids import TenantId
from agent_workers.domain.webhooks.delivery import AnnouncedEvent, ClaimedDelivery
from agent_workers.domain.webhooks.webhook import (
    PATIENCE,
    After,
    Again,
    Answered,
    Delivered,
    Disabled,
    GivenUp,
    Outcome,
    Unanswered,
)
from agent_workers.state.database.engine import Database

# So many targets of a tenant are looked at in one claim; the next one goes on elsewhere.
_VISITS = 1_000
_CLAIM = """
select tenant_id, delivery_id, fence, tries, endpoint_id, url, payload, secret_version, old_secret,
       event_id, event_type, subject, event_at, data::text, detail, output, unsure
  from claim_deliveries(%s, %s, %s, %s, %s, %s, %s, %s)"""
_RECORD = "select record_attempt(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
_FORGET = "select forget_webhooks(%s, %s)"
_MS = timedelta(milliseconds=1)


class WebhookQueue:
    """`each` bounds how many deliveries to one target are under way at once."""

    def __init__(
        self,
        database: Database,
        *,
        each: int,
        lease: timedelta,
        patience: timedelta = PATIENCE,
    ) -> None:
        self._database = database
        self._each = each
        self._lease = lease
        self._patience = patience
        # Who had the last turn: the next one is another's.
        self._after = ""

    def claim(
        self,
        limit: int,
        *,
        unsure: int | None = None,
        under_way: Collection[ClaimedDelivery] = (),
    ) -> list[ClaimedDelivery]:
        """Claim what is due, at most so many, and of targets that are unsure at most `unsure`.

        Each tenant has a share of them, of which it has what is `under_way` for it already.
        """
        place = UUID(bytes=secrets.token_bytes(16))
        most = limit if unsure is None else unsure
        busy = Jsonb(_held(under_way))
        arguments = (limit, most, busy, self._each, self._lease, self._after, place, _VISITS)
        with self._database.connection() as connection:
            rows = connection.execute(_CLAIM, arguments).fetchall()
        claimed = [_claimed(row) for row in rows]
        if claimed:
            self._after = claimed[-1].tenant_id
        return claimed

    def record(
        self, claimed: ClaimedDelivery, outcome: Outcome, then: After, *, took: timedelta
    ) -> str:
        """Record an attempt and what follows from it, in one transaction."""
        place = (claimed.tenant_id, claimed.delivery_id, claimed.fence, round(took / _MS))
        arguments = (*place, *_answer(outcome), *_following(then), self._patience)
        with self._database.connection() as connection:
            row = connection.execute(_RECORD, arguments).fetchone()
        assert row is not None
        return str(row[0])

    def forget(self, before: datetime, *, limit: int = 500) -> int:
        """Delete events that were announced before this, with their deliveries."""
        with self._database.connection() as connection:
            row = connection.execute(_FORGET, (before, limit)).fetchone()
        return int(row[0]) if row else 0


def _held(under_way: Collection[ClaimedDelivery]) -> dict[str, list[int]]:
    """Count what is under way for each tenant: in all, and for targets that are unsure."""
    held: dict[str, list[int]] = {}
    for one in under_way:
        counts = held.setdefault(one.tenant_id, [0, 0])
        counts[0] += 1
        counts[1] += one.unsure
    return held


def _claimed(row: tuple[object, ...]) -> ClaimedDelivery:
    (tenant, delivery, fence, tries, endpoint, url, payload, version, old, *event) = row
    event_id, kind, subject, at, data, detail, output, unsure = event
    assert isinstance(fence, int)
    assert isinstance(tries, int)
    assert isinstance(version, int)
    assert isinstance(delivery, UUID)
    assert isinstance(event_id, UUID)
    assert isinstance(at, datetime)
    return ClaimedDelivery(
        tenant_id=TenantId(str(tenant)),
        delivery_id=delivery,
        fence=fence,
        tries=tries,
        endpoint_id=endpoint if isinstance(endpoint, UUID) else None,
        url=str(url),
        payload=str(payload),
        secret_version=version,
        old_secret=bool(old),
        event=AnnouncedEvent(
            event_id=event_id,
            type=str(kind),
            subject=str(subject),
            at=at,
            data=json.loads(str(data)),
            detail=detail if isinstance(detail, bytes) else None,
        ),
        output=output if isinstance(output, bytes) else None,
        unsure=bool(unsure),
    )


def _answer(outcome: Outcome) -> tuple[int | None, str | None, str | None]:
    match outcome:
        case Answered(status=status, body=body):
            return status, None, body
        case Unanswered(error=error):
            return None, error, None


def _following(then: After) -> tuple[str, int, int, str | None]:
    match then:
        case Delivered():
            return "succeeded", 0, 0, None
        case Again(delay=delay, pause=pause):
            return "pending", round(delay / _MS), round(pause / _MS), None
        case GivenUp():
            return "failed", 0, 0, None
        case Disabled(why=why):
            return "failed", 0, 0, why
