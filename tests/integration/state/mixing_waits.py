"""A worker that also waits for whatever comes to its mind, and sends and answers at random."""

from datetime import timedelta
from random import Random
from uuid import uuid4

from typing_extensions import override

from agent_workers.domain.claim import Claimed
from agent_workers.domain.decision import Decision, Park
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.mail import Letter
from agent_workers.domain.step import StepKind
from agent_workers.domain.wait import Wait, WaitKind
from agent_workers.orchestration.engine_tools.decide import child_of, still_holding
from agent_workers.state.jobs.messages import Mail
from agent_workers.state.steps.waits import Waits
from tests.integration.state.mixing import Actor
from tests.integration.state.waiting import child, event, person

NAMES = ("go", "stop")
SOON = timedelta(milliseconds=30)


class Correspondent(Actor):
    @override
    def decide(self, claimed: Claimed) -> Decision:
        may_wait = claimed.kind is StepKind.TOOL and claimed.effect is EffectClass.PURE
        if may_wait and self.random.random() < 0.5:
            wait = some_wait(claimed)
            self.done[f"waits for {wait.kind}"] += 1
            return Park(wait=wait)
        return super().decide(claimed)

    @override
    def take(self) -> Claimed | None:
        claimed = super().take()
        if claimed is None:
            return None
        waited = Waits(self.world.database).of(claimed)
        return still_holding(claimed, waited)

    @override
    def sweep(self) -> None:
        act = self.random.choice([super().sweep, self.tell, self.tell, self.respond, self.wake])
        try:
            act()
        except AgentWorkersError as error:
            self.done[f"refused {error.code}"] += 1

    def waiting(self, kind: WaitKind) -> tuple[TenantId, JobId] | None:
        """A job that waits for this, or, now and then, any job."""
        if self.random.random() < 0.3:
            return self.some_job()
        sql = (
            "select tenant_id, job_id from waits where answered_at is null and kind = %s"
            " order by random() limit 1"
        )
        found: tuple[TenantId, JobId] | None = self.world.one(sql, kind.value)
        return found

    def tell(self) -> None:
        found = self.waiting(WaitKind.EVENT)
        if found is not None:
            tenant_id, job_id = found
            letter = Letter(
                tenant_id=tenant_id,
                job_id=job_id,
                sender=uuid4().hex,
                name=self.random.choice(NAMES),
                data=b"1",
            )
            sent = Mail(self.world.database).send(letter)
            self.done["taken" if sent.taken else "kept"] += 1

    def respond(self) -> None:
        found = self.waiting(WaitKind.PERSON)
        if found is not None:
            Mail(self.world.database).answer(*found, {"sure": b"1"}, by="x")
            self.done["answered"] += 1

    def wake(self) -> None:
        tenant_id = self.world.tenant
        Waits(self.world.database).wake(tenant_id, WaitKind.BREAKER, "pay", b"1")


def some_wait(claimed: Claimed) -> Wait:
    """Whatever a step waits for, it waits for the same when it is done again."""
    chance = Random(f"{claimed.job_id}:{claimed.position}")
    timeout = chance.choice([None, SOON])
    match chance.choice(list(WaitKind)):
        case WaitKind.CHILD:
            job_id = child_of(claimed.job_id, claimed.position)
            asked = chance.choice([None, 5, 500])
            return child(asked, reserve=3, timeout=timeout, job_id=job_id)
        case WaitKind.EVENT:
            return event(chance.choice(NAMES), timeout)
        case WaitKind.PERSON:
            return person("sure", timeout)
        case WaitKind.TIMER:
            return Wait(kind=WaitKind.TIMER, key="", timeout=SOON)
        case WaitKind.BREAKER:
            return Wait(kind=WaitKind.BREAKER, key="pay", timeout=SOON)
        case WaitKind.PLACE:
            return Wait(kind=WaitKind.PLACE, key="pay", timeout=SOON)
        case WaitKind.WORKER:
            return Wait(kind=WaitKind.WORKER, key="agent:elsewhere", timeout=SOON)
