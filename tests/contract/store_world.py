"""The store of jobs, in Postgres and in memory: one world for the tests of both."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from agent_workers.domain import codec
from agent_workers.domain.claim import Claimed, Onward, Recorded
from agent_workers.domain.decision import Continue, Decision, Join, Park, TryAgain
from agent_workers.domain.effect import (
    Asked,
    EffectClass,
    EffectRules,
    PermitMode,
    Proof,
    Says,
    Source,
)
from agent_workers.domain.ids import EffectKey, JobId, TenantId, effect_key
from agent_workers.domain.job import Submission
from agent_workers.domain.mail import Letter, Sent
from agent_workers.domain.step import NextStep
from tests.integration.state.world import EVALUATE, PLANNED, RAN, use

A_WHILE = timedelta(minutes=1)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What both stores must agree on of a job."""

    status: str
    steps: list[str]
    open_steps: int
    held: int
    spent: int
    allowance: int
    answer: object
    error: Mapping[str, Any] | None
    entries: list[str]
    effects: list[str]


def rules(cls: EffectClass, *, key_ttl: timedelta = timedelta(hours=1)) -> EffectRules:
    keyed = cls is EffectClass.KEYED
    return EffectRules(cls=cls, timeout=A_WHILE, settle=A_WHILE, key_ttl=key_ttl if keyed else None)


class StoreWorld(ABC):
    """One tenant upon a store."""

    tenant: TenantId
    # Any: the parts of a store, which the loop knows by their Protocols.
    claims: Any
    records: Any
    permits: Any
    waits: Any
    mail: Any
    calls: Any

    @abstractmethod
    def store_job(
        self, submission: Submission, hold: int, key: str | None, fingerprint: bytes
    ) -> JobId: ...

    @abstractmethod
    def know_agent(self, name: str, hold: int) -> None: ...

    @abstractmethod
    def pass_time(self, by: timedelta) -> None: ...

    @abstractmethod
    def sweep(self) -> None: ...

    @abstractmethod
    def stop(self, job: JobId, *, now: bool = False) -> str: ...

    @abstractmethod
    def pause(self, job: JobId) -> str: ...

    @abstractmethod
    def resume(self, job: JobId) -> str: ...

    @abstractmethod
    def settle(self, key: EffectKey, verdict: str) -> None: ...

    @abstractmethod
    def give_budget(self, limit: int) -> None: ...

    @abstractmethod
    def budget(self) -> tuple[int, int]:
        """What is spent of it, and what is reserved."""

    @abstractmethod
    def facts(self, job: JobId) -> Facts: ...

    @abstractmethod
    def journal(self, job: JobId) -> list[tuple[int, str, dict[str, object]]]: ...

    def submit(  # noqa: PLR0913 (what jobs may differ in, each by its name)
        self,
        *,
        allowance: int = 0,
        hold: int = 0,
        max_steps: int = 1_000,
        deadline: timedelta | None = None,
        delay: timedelta | None = None,
        key: str | None = None,
        said: bytes = b"{}",
    ) -> JobId:
        submission = Submission(
            tenant_id=self.tenant,
            job_id=JobId(uuid4()),
            agent="demo",
            input=said,
            max_cost_micro=allowance,
            max_steps=max_steps,
            deadline=deadline,
            delay=delay,
        )
        return self.store_job(submission, hold, key, said)

    def claim(self, job: JobId, position: int = 0) -> Claimed:
        claimed = self.try_claim(job, position)
        assert claimed is not None, self.facts(job)
        return claimed

    def try_claim(self, job: JobId, position: int = 0) -> Claimed | None:
        found: Claimed | None = self.claims.named(self.tenant, job, position)
        return found

    def record(self, claimed: Claimed, decision: Decision, *, carry: bool = False) -> Recorded:
        written = b"" if isinstance(decision, TryAgain | Park) else codec.encode(decision.outcome)
        recorded: Recorded = self.records.record(
            claimed, decision, written=written, onward=Onward(carry=carry)
        )
        return recorded

    def plan(self, job: JobId, *steps: NextStep) -> Recorded:
        return self.record(self.claim(job), Continue(outcome=PLANNED, steps=steps))

    def join(self, claimed: Claimed) -> Recorded:
        return self.record(claimed, Join(outcome=RAN, step=EVALUATE))

    def acting(self, effect: EffectClass = EffectClass.UNSAFE) -> Claimed:
        job = self.submit()
        self.plan(job, use(effect))
        return self.claim(job, 1)

    def ask(self, claimed: Claimed) -> Asked:
        with self.permits.transaction() as connection:
            asked: Asked = self.permits.ask(connection, claimed, key_of(claimed), claimed.arguments)
        return asked

    def grant(
        self, claimed: Claimed, mode: PermitMode = PermitMode.FIRST, attempt: int = 1
    ) -> None:
        with self.permits.transaction() as connection:
            by = rules(claimed.effect)
            self.permits.grant(connection, claimed, key_of(claimed), mode, attempt, by)

    def say(
        self,
        claimed: Claimed,
        says: Says,
        source: Source = Source.REPLY,
        attempt: int = 1,
        result: bytes | None = None,
    ) -> bool:
        proof = Proof(
            key=key_of(claimed),
            attempt=attempt,
            says=says,
            source=source,
            result=result,
            reason="so",
        )
        with self.permits.transaction() as connection:
            return bool(self.permits.evidence(connection, claimed, proof))

    def doubt(self, claimed: Claimed) -> str:
        with self.permits.transaction() as connection:
            return str(self.permits.doubt(connection, claimed, key_of(claimed), "silence"))

    def send(self, job: JobId, name: str = "go", data: bytes = b"1", sender: str = "") -> Sent:
        letter = Letter(
            tenant_id=self.tenant, job_id=job, sender=sender or uuid4().hex, name=name, data=data
        )
        sent: Sent = self.mail.send(letter)
        return sent

    def answer(self, job: JobId, key: str, value: bytes) -> None:
        self.mail.answer(self.tenant, job, {key: value}, by="somebody")


def key_of(claimed: Claimed) -> EffectKey:
    return effect_key(claimed.root_id, claimed.position)
