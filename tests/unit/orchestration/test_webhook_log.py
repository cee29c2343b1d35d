"""What the log says of an attempt to deliver a webhook: what came of it, and when the next one is."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from structlog.testing import capture_logs
from typing_extensions import override

from agent_workers.domain.ids import TenantId
from agent_workers.domain.webhooks.delivery import AnnouncedEvent, ClaimedDelivery
from agent_workers.domain.webhooks.webhook import After, Answered, Outcome
from agent_workers.orchestration.requests.webhooks import Courier
from agent_workers.state.webhooks.queue import WebhookQueue

DELIVERY = ClaimedDelivery(
    tenant_id=TenantId("t"),
    delivery_id=UUID(int=1),
    fence=1,
    tries=0,
    endpoint_id=UUID(int=2),
    url="https://example.com/hook",
    payload="thin",
    secret_version=1,
    old_secret=False,
    event=AnnouncedEvent(
        event_id=UUID(int=3),
        type="session.stuck",
        subject="s",
        at=datetime(2030, 1, 1, tzinfo=UTC),
        data={},
        detail=None,
    ),
    output=None,
)


class Recording(WebhookQueue):
    """Takes every record, and gives this answer."""

    def __init__(self, answer: str) -> None:
        self._answer = answer

    @override
    def record(
        self, claimed: ClaimedDelivery, outcome: Outcome, then: After, *, took: timedelta
    ) -> str:
        return self._answer


@pytest.mark.parametrize(
    ("status", "recorded", "told"),
    [
        (200, "recorded", {"outcome": "delivered"}),
        (500, "recorded", {"outcome": "failed", "why": "answered 500", "retry_in_s": 5.0}),
        (
            410,
            "disabled",
            {"outcome": "endpoint_disabled", "why": "the receiver answered 410 Gone"},
        ),
        (410, "recorded", {"outcome": "given_up", "why": "the receiver answered 410 Gone"}),
        (500, "disabled", {"outcome": "endpoint_disabled", "why": "answered 500"}),
        (500, "fenced", {"outcome": "superseded"}),
    ],
)
def test_an_attempt_is_logged_with_its_outcome(
    status: int, recorded: str, told: dict[str, object]
) -> None:
    courier = Courier(
        Recording(recorded),
        send=lambda *_: Answered(status=status),
        pepper="p",
        clock=lambda: 0.0,
        chance=lambda: 0.0,
    )
    with capture_logs() as logs:
        courier.carry(DELIVERY)
    [entry] = logs
    usual = {"event", "log_level", "delivery_id", "type", "attempt"}
    assert entry["event"] == "webhook_attempted"
    assert {name: value for name, value in entry.items() if name not in usual} == told
