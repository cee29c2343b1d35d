"""A tenant whose webhooks go to a receiver: endpoints, jobs that end, and a courier to carry them."""

import time
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from agent_workers.domain.ids import JobId
from agent_workers.domain.job import Submission
from agent_workers.domain.webhooks.webhook import After, holder_of, secret_of, shown_secret
from agent_workers.execution.webhooks.send import Sender
from agent_workers.orchestration.requests.webhooks import Courier
from agent_workers.state.jobs.submissions import Pace, Submissions
from agent_workers.state.webhooks.endpoints import EndpointChange, EndpointSeen, WebhookEndpoints
from agent_workers.state.webhooks.queue import WebhookQueue
from tests.integration.state.world import World
from tests.integration.webhooks.receiver import Receiver

PEPPER = "a pepper for tests only"
# Longer than any test: those that want one to have run out say so.
LEASE = timedelta(minutes=5)


@dataclass(frozen=True, kw_only=True)
class Posting:
    world: World
    receiver: Receiver
    patience: timedelta = timedelta(days=5)
    each: int = 4
    timeout_s: float = 2

    @property
    def endpoints(self) -> WebhookEndpoints:
        return WebhookEndpoints(self.world.database)

    @property
    def queue(self) -> WebhookQueue:
        return WebhookQueue(
            self.world.database, each=self.each, lease=LEASE, patience=self.patience
        )

    @property
    def courier(self) -> Courier:
        return Courier(
            self.queue,
            send=Sender(timeout_s=self.timeout_s, allow_private=True),
            pepper=PEPPER,
            clock=time.time,
            chance=lambda: 0.0,
        )

    def endpoint(self, path: str, *kinds: str, payload: str = "thin") -> EndpointSeen:
        change = EndpointChange(
            url=self.receiver.url(path), event_types=kinds or ("*",), payload=payload
        )
        return self.endpoints.create(self.world.tenant, change)

    def answers(self, endpoint: EndpointSeen) -> None:
        """Know of an endpoint that it answers."""
        self.world.one(
            "select note_target(%s, %s, true, 0)", self.world.tenant, endpoint.endpoint_id
        )

    def secret(self, endpoint_id: UUID | None, version: int = 1) -> str:
        return shown_secret(secret_of(PEPPER, self.world.tenant, holder_of(endpoint_id), version))

    def submit(self, *, callback: str | None = None) -> JobId:
        job = JobId(uuid4())
        submission = Submission(
            tenant_id=self.world.tenant,
            job_id=job,
            agent="demo",
            input=b"{}",
            callback_url=None if callback is None else self.receiver.url(callback),
        )
        pace = Pace(plan_timeout_ms=60_000, plan_hold_micro=0)
        Submissions(self.world.database).once((submission, pace), key=None, fingerprint=b"")
        return job

    def ended(self, *, callback: str | None = None) -> JobId:
        """A job that has been canceled, and so has announced its end."""
        job = self.submit(callback=callback)
        assert self.world.cancel(job) == "canceled"
        return job

    def carry(self, limit: int = 10) -> list[After]:
        """Carry what is due of our tenant, once; others share the database."""
        carried: list[After] = []
        while claimed := self.queue.claim(limit - len(carried)):
            mine = [one for one in claimed if one.tenant_id == self.world.tenant]
            carried += [self.courier.carry(one) for one in mine]
        return carried

    def make_due(self) -> None:
        """Let every delay of our tenant have passed."""
        self.world.one(
            "update webhook_deliveries set due_at = clock_timestamp()"
            " where tenant_id = %s and status = 'pending'",
            self.world.tenant,
        )
        self.world.one("update webhook_targets set paused_until = null")

    def statuses(self) -> list[str]:
        sql = (
            "select array_agg(status order by created_at) from webhook_deliveries"
            " where tenant_id = %s"
        )
        return list(self.world.one(sql, self.world.tenant) or [])
