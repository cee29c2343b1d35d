"""A driver on the store in memory: what steps give is told beforehand, and nothing else is there."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from agent_workers.domain.claim import Claimed, Done, NothingDue
from agent_workers.domain.effect import EffectClass, EffectRules
from agent_workers.domain.ids import EffectKey, JobId, TenantId
from agent_workers.domain.job import Limits, Submission
from agent_workers.domain.reply import Happened, Reply, Seen, Written
from agent_workers.domain.step import (
    Broke,
    Judged,
    Outcome,
    Planned,
    ToolCall,
    ToolFailed,
    ToolRan,
    Verdict,
)
from agent_workers.orchestration.steps.fallbacks import FindWays
from agent_workers.orchestration.traits import AgentTraits, Lacking
from agent_workers.testing.clock import FakeClock
from agent_workers.testing.memory.rows import Job, Pace
from agent_workers.testing.memory.store import Store, Worker, breakers_of
from agent_workers.testing.memory.submitting import submit
from tests.unit.orchestration.agents import AGENT, JOB, traits

TENANT = TenantId("t")
OUTAGE = Broke(code="connection", message="nobody is there", retryable=True)
ACCEPT = Judged(verdict=Verdict.ACCEPT, output=b'"done"')
KEYED = replace(
    traits("refund", EffectClass.KEYED),
    rules=EffectRules(
        cls=EffectClass.KEYED, timeout=timedelta(seconds=1), key_ttl=timedelta(hours=1)
    ),
)
BOOKED = replace(
    traits("book", EffectClass.RECONCILABLE),
    rules=EffectRules(cls=EffectClass.RECONCILABLE, timeout=timedelta(seconds=1), has_lookup=True),
)
DESK = replace(
    AGENT,
    tools={**AGENT.tools, "refund": KEYED, "book": BOOKED},
    limits=Limits(max_rounds=4, max_replans=2),
    plan_hold_micro=0,
    evaluate_hold_micro=0,
)


def calls(*tools: str) -> Planned:
    """A plan of calls that run side by side."""
    found = (
        ToolCall(tool=tool, arguments=b'{"n":%d}' % i, call_id=f"c{i}")
        for i, tool in enumerate(tools)
    )
    return Planned(calls=tuple(found))


def answered(said: bytes = b'"done"') -> Planned:
    return Planned(calls=(), answer=said)


def judged(verdict: Verdict, reason: str = "") -> Judged:
    return Judged(verdict=verdict, reason=reason)


@dataclass
class Desk:
    """One job of one agent. Plans, verdicts and replies are taken from the left, one for each try."""

    gives: deque[Outcome | Broke | Callable[[], Outcome | Broke]]
    replies: deque[Reply] = field(default_factory=deque)
    seen: deque[Seen] = field(default_factory=deque)
    agent: AgentTraits = DESK
    clock: FakeClock = field(default_factory=FakeClock)
    acted: list[tuple[EffectKey, int]] = field(default_factory=list)
    deadline: timedelta | None = None
    max_steps: int = 1_000

    def __post_init__(self) -> None:
        self.store = Store(self.clock)
        pace = self.store.rows.agents["demo"] = Pace(plan_timeout_ms=1_000)
        ways = FindWays(takes=lambda *_: True, recalls=lambda *_: None, history=self._history)
        self.worker = Worker(
            self.store,
            book=self._book,
            perform=self._perform,
            tools=self,
            ways=ways,
            breakers=breakers_of(self.store),
        )
        submission = Submission(
            tenant_id=TENANT,
            job_id=JOB,
            agent="demo",
            input=b"{}",
            deadline=self.deadline,
            max_steps=self.max_steps,
        )
        submit(self.store.rows, submission, pace)

    @property
    def job(self) -> Job:
        return self.store.rows.jobs[TENANT, JobId(JOB)]

    @property
    def entries(self) -> list[str]:
        return [str(entry.type) for entry in self.job.journal]

    @property
    def code(self) -> str:
        """Why the job failed."""
        told = self.job.journal[-1].data
        return str(told.get("code", ""))

    def work(self) -> "Desk":
        """Do all that is due."""
        for _ in self.worker.work():
            pass
        return self

    def later(self, **by: float) -> "Desk":
        """Do what is due after this time."""
        self.clock.advance(timedelta(**by))
        return self.work()

    def advance(self, claimed: Claimed) -> Claimed | NothingDue | None:
        return self.worker.driver.advance(claimed)

    def claim(self, position: int) -> Claimed:
        claimed = self.store.claims.named(TENANT, JobId(JOB), position)
        assert claimed is not None
        return claimed

    def _book(self, _: Claimed, /) -> AgentTraits | Lacking:
        return self.agent

    def _perform(
        self, claimed: Claimed, history: Callable[[], tuple[Done, ...]]
    ) -> Outcome | Broke:
        del claimed, history
        given = self.gives.popleft()
        return given() if callable(given) else given

    def _history(self, claimed: Claimed) -> Sequence[Done]:
        return self.store.claims.history(claimed, limit=50)

    def kept(self, claimed: Claimed) -> ToolRan | None:
        del claimed
        return None

    def objection(self, claimed: Claimed, result: bytes) -> str:
        del claimed, result
        return ""

    def act(self, claimed: Claimed, request: bytes, *, key: EffectKey, attempt: int) -> Reply:
        del claimed, request
        self.acted.append((key, attempt))
        return self.replies.popleft() if self.replies else Happened(result=b"1")

    def look_up(self, claimed: Claimed, request: bytes, *, key: EffectKey) -> Seen:
        del claimed, request, key
        return self.seen.popleft()

    def write(self, claimed: Claimed) -> Written | ToolFailed | Broke:
        del claimed
        return Written(result=b"1", statements=())


def desk(
    *gives: Outcome | Broke | Callable[[], Outcome | Broke],
    replies: Sequence[Reply] = (),
    seen: Sequence[Seen] = (),
    agent: AgentTraits = DESK,
    deadline: timedelta | None = None,
    max_steps: int = 1_000,
) -> Desk:
    return Desk(
        gives=deque(gives),
        replies=deque(replies),
        seen=deque(seen),
        agent=agent,
        deadline=deadline,
        max_steps=max_steps,
    )
