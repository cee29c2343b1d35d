"""A tenant's batch, and short ways to bring its jobs to their end."""

import json
from uuid import UUID, uuid4

from agent_workers.domain.batch import BatchItem, BatchTerms, OnError
from agent_workers.domain.decision import Fail, Finish
from agent_workers.domain.ids import JobId
from agent_workers.domain.step import GaveUp, Judged, Verdict
from agent_workers.state.batches.reads import BatchReads, BatchSeen
from agent_workers.state.batches.rows import Batches
from tests.integration.state.world import World

FINISH = Finish(outcome=Judged(verdict=Verdict.ACCEPT, output=b'"done"'), output=b'"done"')
FAIL = Fail(outcome=GaveUp(code="no", message="not this one"), code="no", message="not this one")


def items(count: int, **options: object) -> list[BatchItem]:
    return [
        BatchItem(custom_id=f"item-{n}", agent="demo", input=b'{"n":%d}' % n, options=options)
        for n in range(1, count + 1)
    ]


class Batched:
    """One batch in the world of one tenant."""

    def __init__(self, world: World, **terms: object) -> None:
        self.world = world
        self.batch_id = uuid4()
        self.batches = Batches(world.database)
        on_error = OnError(str(terms.pop("on_error", "continue")))
        self.terms = BatchTerms(on_error=on_error, **terms)  # type: ignore[arg-type]

    def run(self, given: list[BatchItem]) -> None:
        """Create it, start it, and admit its first jobs."""
        self.create(given, start=True)
        self.look()

    def create(self, given: list[BatchItem], *, start: bool) -> None:
        self.batches.create(
            self.world.tenant,
            self.batch_id,
            self.terms,
            items=given,
            start=start,
            key=None,
            fingerprint=b"",
        )

    def look(self) -> int:
        """Look at the batch as a keeper does; returns how many rings that gave."""
        return len(self.batches.keep_this(self.world.tenant, self.batch_id))

    @property
    def seen(self) -> BatchSeen:
        found = BatchReads(self.world.database).batch(self.world.tenant, self.batch_id)
        assert found is not None
        return found

    @property
    def status(self) -> str:
        return self.seen.status.value

    @property
    def counts(self) -> dict[str, int]:
        return dict(self.seen.counts or {})

    def live(self) -> list[JobId]:
        """The jobs of the batch that have not ended, in the order of its items."""
        with self.world.database.connection() as connection:
            rows = connection.execute(
                "select job_id from jobs where tenant_id = %s and batch_id = %s"
                " and finished_at is null order by batch_number",
                (self.world.tenant, self.batch_id),
            ).fetchall()
        return [JobId(UUID(int=row[0].int)) for row in rows]

    def end(self, job: JobId, *, well: bool = True) -> None:
        """Do the only step of a job."""
        self.world.record(self.world.claim(job), FINISH if well else FAIL)

    def input_of(self, job: JobId) -> object:
        return json.loads(self.world.job(job, "input"))

    def listen(self) -> None:
        """Have an endpoint that wants to know of the ends of batches."""
        self.world.one(
            "insert into webhook_endpoints (tenant_id, endpoint_id, url, event_types)"
            " values (%s, gen_random_uuid(), 'https://example.org', '{batch.completed}')",
            self.world.tenant,
        )

    def told(self) -> list[str]:
        """What was announced of ends of batches."""
        told = "select array_agg(data->>'status') from webhook_events where tenant_id = %s"
        return list(self.world.one(told, self.world.tenant) or [])
