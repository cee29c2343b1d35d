"""Carrying one delivery: sign it anew, send it, decide what follows, record it."""

import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Protocol

import structlog

from agent_workers.domain.ids import DELIVERY_ID, EVENT_ID
from agent_workers.domain.webhooks.delivery import ClaimedDelivery, body_of
from agent_workers.domain.webhooks.webhook import (
    After,
    Again,
    Delivered,
    Disabled,
    GivenUp,
    Outcome,
    Unanswered,
    after,
    holder_of,
    secret_of,
    signature,
)
from agent_workers.orchestration.patience import patiently
from agent_workers.state.webhooks.queue import WebhookQueue

log = structlog.get_logger(__name__)

_LONGEST_ERROR = 300
USER_AGENT = "agent-workers-webhooks/1"
# A record that the database does not take at once is worth a little patience: without it the
# receiver is told a second time.
_RECORD_IS_WORTH_S = 8.0


class Send(Protocol):
    """Post a message to a URL; says what came of it and never raises."""

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome: ...


class Courier:
    def __init__(
        self,
        queue: WebhookQueue,
        *,
        send: Send,
        pepper: str,
        clock: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self._queue = queue
        self._send = send
        self._pepper = pepper
        self._clock = clock
        self._chance = chance

    def carry(self, claimed: ClaimedDelivery) -> After:
        """Make one attempt of a delivery that is ours."""
        began = time.monotonic()
        outcome = self._sent(claimed)
        took = timedelta(seconds=time.monotonic() - began)
        then = after(outcome, tries=claimed.tries, chance=self._chance())
        recorded = self._record(claimed, outcome, then, took)
        log.info(
            "webhook_attempted",
            delivery_id=DELIVERY_ID.written(claimed.delivery_id),
            type=claimed.event.type,
            attempt=claimed.fence,
            **_told(then, recorded),
        )
        return then

    def _sent(self, claimed: ClaimedDelivery) -> Outcome:
        try:
            body = body_of(claimed)
        except (KeyError, TypeError, ValueError) as error:
            # It counts as a try: else it would come back for ever.
            return Unanswered(
                error=f"the message cannot be written: {type(error).__name__}: {error}"[
                    :_LONGEST_ERROR
                ]
            )
        return self._send(claimed.url, self._headers(claimed, body), body)

    def _headers(self, claimed: ClaimedDelivery, body: bytes) -> dict[str, str]:
        message_id, timestamp = EVENT_ID.written(claimed.event.event_id), int(self._clock())
        versions = [claimed.secret_version]
        if claimed.old_secret and claimed.secret_version > 1:
            versions.append(claimed.secret_version - 1)
        holder = holder_of(claimed.endpoint_id)
        secrets = [secret_of(self._pepper, claimed.tenant_id, holder, one) for one in versions]
        signed = [signature(secret, message_id, timestamp, body) for secret in secrets]
        return {
            "content-type": "application/json",
            "user-agent": USER_AGENT,
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(signed),
        }

    def _record(
        self, claimed: ClaimedDelivery, outcome: Outcome, then: After, took: timedelta
    ) -> str:
        return patiently(
            lambda: self._queue.record(claimed, outcome, then, took=took),
            seconds=_RECORD_IS_WORTH_S,
        )


def _told(then: After, recorded: str) -> dict[str, object]:
    """Say for the log what came of an attempt."""
    if recorded == "fenced":
        # Another attempt has begun since: what that one gives counts.
        return {"outcome": "superseded"}
    match then:
        case Delivered():
            return {"outcome": "delivered"}
        case Again(delay=delay, why=why) if recorded == "recorded":
            wait_s = round(delay.total_seconds(), 1)
            return {"outcome": "failed", "why": why, "retry_in_s": wait_s}
        case GivenUp(why=why) | Disabled(why=why) if recorded == "recorded":
            return {"outcome": "given_up", "why": why}
        case Again(why=why) | GivenUp(why=why) | Disabled(why=why):
            return {"outcome": "endpoint_disabled", "why": why}
