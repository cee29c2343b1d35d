"""Everything that may happen to stuck turns at the same moment: no deadlock, and nobody is forgotten."""

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from agent_workers.domain.claim import Claimed
from agent_workers.domain.decision import Continue
from agent_workers.domain.effect import EffectClass, PermitMode
from agent_workers.domain.errors import IllegalMove, SessionBusy
from agent_workers.domain.ids import TenantId
from agent_workers.domain.memory.session import OnBusy, OnStuckTurn
from agent_workers.domain.step import StepKind
from agent_workers.state.database.engine import Database
from agent_workers.state.jobs.controls import Controls, GivenVerdict
from tests.integration.state.acting import doubt, key_of, rules
from tests.integration.state.invariants import broken
from tests.integration.state.sticking import agent, look
from tests.integration.state.world import ALL_LANES, FINISH, PLANNED, World, use

SECONDS = 5
THREADS = 8
PATIENCE_S = 30.0
# On a machine that is very busy with something else.
TURNS = 8
SESSIONS = list("abcd")
TENANT = TenantId("together")
PAUSES = ["pause_job(%s, %s, 'lunch')", "resume_job(%s, %s)", "resume_job(%s, %s)"]
IN_DOUBT = "select effect_key from effects where tenant_id = %s and state = 'in_doubt' limit 5"
LIVE = "select job_id from jobs where tenant_id = %s and finished_at is null limit 9"
TOLD = """
select type from journal where tenant_id = %s and type like 'turn_%%'
union all select 'turn_failed' from jobs
 where tenant_id = %s and error is not null and convert_from(error, 'UTF8')::json->>'code' = 'turn_stuck'"""

# Those that wait, but not behind a job that is paused or whose agent says that they shall.
FORGOTTEN = """
select count(*) from session_turns t where t.tenant_id = %s and t.state = 'waiting'
   and not exists (
     select from session_turns n join jobs j using (tenant_id, job_id)
      where n.tenant_id = t.tenant_id and n.session_id = t.session_id and n.state = 'now'
        and (j.status = 'paused' or (j.status = 'in_doubt' and (
             j.agent_version = '' or j.agent_version like 'wait%%'))))"""


class Actor:
    """One thread: speaks, works, loses replies, answers doubts, keeps, and stops jobs."""

    def __init__(self, database: Database, seed: int) -> None:
        self.random = random.Random(seed)
        self.world = World(database, TENANT)
        self.versions = ["", *(agent(self.world, one, seconds=0.01) for one in OnStuckTurn)]

    def act(self, until: float) -> None:
        acts: list[tuple[int, Callable[[], object]]] = [
            (4, self.speak),
            (16, self.work),
            (10, self.keep),
            (1, self.answer),
            (1, self.stop),
            (1, self.pause),
        ]
        weights = [weight for weight, _ in acts]
        while time.monotonic() < until:
            try:
                self.random.choices(acts, weights)[0][1]()
            except (IllegalMove, SessionBusy):
                continue

    def speak(self) -> None:
        self.world.submit(
            session=self.random.choice(SESSIONS),
            version=self.random.choice(self.versions),
            on_busy=self.random.choice([None] * 200 + [*OnBusy]),
        )

    def work(self) -> None:
        claimed = self.world.claims.next(ALL_LANES)
        if claimed is None:
            return
        if claimed.kind is StepKind.PLAN:
            step = use(EffectClass.UNSAFE)
            self.world.record(claimed, Continue(outcome=PLANNED, steps=(step,)))
        elif claimed.effect is EffectClass.UNSAFE and claimed.fence == 1:
            self.lose(claimed)
        else:
            self.world.record(claimed, FINISH)

    def lose(self, claimed: Claimed) -> None:
        """Act, if it may, and never hear what became of it."""
        permits, key = self.world.permits, key_of(claimed)
        with permits.transaction() as connection:
            asked = permits.ask(connection, claimed, key, claimed.arguments)
            if asked.result == "ok":
                by = rules(claimed.effect)
                permits.grant(connection, claimed, key, PermitMode.FIRST, 1, by)
        if asked.result == "ok":
            doubt(self.world, claimed)
        else:
            self.world.records.stand_down(claimed)

    def keep(self) -> None:
        look(self.world)
        self.world.sweeps.expired()

    def answer(self) -> None:
        for key in self.some(IN_DOUBT):
            Controls(self.world.database).give_verdict(
                *(TENANT, key),
                verdict=GivenVerdict.HAPPENED,
                result=b'"paid"',
                by="ann",
                reason="I looked",
            )

    def stop(self) -> None:
        for job in self.some(LIVE):
            self.world.one("select stop_job(%s, %s, 'canceled', null, 'no', true)", TENANT, job)

    def pause(self) -> None:
        for job in self.some(LIVE):
            self.world.one(f"select {self.random.choice(PAUSES)}", TENANT, job)

    def some(self, sql: str) -> list[UUID]:
        with self.world.database.connection() as connection:
            found = [row[0] for row in connection.execute(sql.encode(), (TENANT,)).fetchall()]
        return self.random.sample(found, min(1, len(found)))


def test_stuck_turns_are_skipped_failed_and_answered_all_at_once(database: Database) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")  # noqa: T201  # pytest shows it when the test fails
    world = World(database, TENANT)
    world.end_all()
    told: Counter[str] = Counter()
    for turn in range(TURNS):
        until = time.monotonic() + SECONDS
        with ThreadPoolExecutor(THREADS) as pool:
            seeds = range(seed + turn * THREADS, seed + (turn + 1) * THREADS)
            actors = [pool.submit(Actor(database, one).act, until) for one in seeds]
            for actor in actors:
                actor.result()
        assert broken(database) == {}
        let_them_go_on(Actor(database, seed))
        with database.connection() as connection:
            told = Counter(row[0] for row in connection.execute(TOLD.encode(), (TENANT, TENANT)))
        if is_enough(told):
            break
    print(told)  # noqa: T201
    assert is_enough(told)
    for _ in range(3):
        world.end_all()
    assert broken(database) == {}


def let_them_go_on(actor: Actor) -> None:
    """Work and keep, and nothing else, until whoever waits still has a reason to."""
    until = time.monotonic() + PATIENCE_S
    while (left := actor.world.one(FORGOTTEN, TENANT)) > 0:
        assert time.monotonic() < until, f"{left} jobs are forgotten"
        actor.work()
        actor.keep()


def is_enough(told: Counter[str]) -> bool:
    return min(told[kind] for kind in ("turn_stuck", "turn_skipped", "turn_failed")) > 5
