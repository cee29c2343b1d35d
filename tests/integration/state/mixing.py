"""A worker that does whatever comes to its mind to whatever job it finds, by the protocol."""

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from agent_workers.domain.budget import Usage
from agent_workers.domain.claim import Claimed, Onward
from agent_workers.domain.decision import Continue, Decision, Fail, TryAgain
from agent_workers.domain.effect import (
    Doubt,
    EffectClass,
    Grant,
    LookedUp,
    PermitAnswer,
    PermitMode,
    Proof,
    Says,
    WaitUntil,
)
from agent_workers.domain.errors import IllegalMove, SessionBusy, TooEarly
from agent_workers.domain.ids import JobId, TenantId, effect_key
from agent_workers.domain.memory.session import OnBusy
from agent_workers.domain.permitting import decide_permit
from agent_workers.domain.step import GaveUp, StepKind
from agent_workers.state.database.engine import Connection, Database
from agent_workers.state.jobs.controls import Controls, GivenVerdict
from agent_workers.state.steps.permits import Permits
from tests.integration.state.acting import rules
from tests.integration.state.mixing_sessions import SESSIONS, VERSIONS, ask_together, talk
from tests.integration.state.world import (
    AGAIN,
    ALL_LANES,
    EVALUATE,
    FINISH,
    JOIN,
    PLANNED,
    World,
    use,
)

TENANTS = [TenantId(f"mix-{i}") for i in range(3)]
EFFECTFUL = {EffectClass.KEYED, EffectClass.RECONCILABLE, EffectClass.UNSAFE}
QUIET = TryAgain(delay=timedelta(milliseconds=20), code="quiet", message="", counts=False)
QUICK = timedelta(milliseconds=1)


class Actor:
    """One thread's worker: does whatever comes to its mind to whatever job it finds."""

    def __init__(self, database: Database, seed: int) -> None:
        self.random = random.Random(seed)
        self.world = World(database, TENANTS[seed % len(TENANTS)])
        self.controls = Controls(database)
        self.held: list[Claimed] = []
        self.done: Counter[str] = Counter()

    def act(self, until: float) -> Counter[str]:
        acts: list[tuple[int, Callable[[], object]]] = [
            (6, self.submit),
            (20, self.claim),
            (20, self.finish),
            (8, self.effect),
            (2, self.evidence),
            (2, self.control),
            (1, self.verdict),
            (2, self.expire),
            (2, self.sweep),
            (1, self.stand_down),
            (3, self.talk),
        ]
        weights = [weight for weight, _ in acts]
        while time.monotonic() < until:
            _, act = self.random.choices(acts, weights)[0]
            try:
                act()
            except (IllegalMove, TooEarly, SessionBusy) as error:
                self.done[f"refused {error.code}"] += 1
            self.done[act.__name__] += 1
        return self.done

    def submit(self) -> None:
        deadline = self.random.choice([None, None, timedelta(milliseconds=200)])
        allowance = self.random.choice([0, 50, 200])
        self.world.submit(
            allowance=allowance,
            hold=allowance // 10,
            deadline=deadline,
            session=self.random.choice(SESSIONS),
            on_busy=self.random.choice([None, None, *OnBusy]),
            version=self.random.choice(VERSIONS),
        )

    def talk(self) -> None:
        self.random.choice([talk, talk, ask_together])(self.world, self.random)

    def claim(self) -> None:
        claimed = self.world.claims.next(ALL_LANES)
        if claimed is not None:
            self.held.append(claimed)

    def take(self) -> Claimed | None:
        if not self.held:
            return None
        return self.held.pop(self.random.randrange(len(self.held)))

    def finish(self) -> None:
        claimed = self.take()
        if claimed is None:
            return
        lanes = self.random.choice([(), ALL_LANES])
        decision = self.decide(claimed)
        world = replace_tenant(self.world, claimed.tenant_id)
        recorded = world.records.record(
            claimed, decision, written=b"1", onward=Onward(lanes=lanes, carry=False)
        )
        if isinstance(recorded.claimed, Claimed):
            self.held.append(recorded.claimed)

    def decide(self, claimed: Claimed) -> Decision:
        usage = Usage(cost_micro=self.random.randrange(20))
        roll = self.random.random()
        if roll < 0.1:
            delay = timedelta(milliseconds=self.random.choice([0, 5, 6_000]))
            return TryAgain(delay=delay, code="x", message="", cost_micro=usage.cost_micro)
        if roll < 0.15:
            return Fail(outcome=GaveUp(code="x", message="", usage=usage), code="x", message="")
        if claimed.kind is StepKind.PLAN:
            steps = [
                use(self.random.choice(list(EffectClass))) for _ in range(self.random.randint(1, 4))
            ]
            return Continue(outcome=replace(PLANNED, usage=usage), steps=tuple(steps))
        if claimed.kind is StepKind.TOOL:
            return replace(JOIN, step=replace(EVALUATE, hold_micro=claimed.position % 3 * 10))
        return FINISH

    def effect(self) -> None:
        """Ask for a permit and do as the protocol says; the reply may be lost."""
        claimed = next((one for one in self.held if one.effect in EFFECTFUL), None)
        if claimed is None:
            return
        self.held.remove(claimed)
        world = replace_tenant(self.world, claimed.tenant_id)
        with world.permits.transaction() as connection:
            answer, attempt = self.answer(connection, world.permits, claimed)
        self.done[answer if isinstance(answer, str) else type(answer).__name__] += 1
        if isinstance(answer, Grant):
            self.reply(world, claimed, attempt)
        elif not isinstance(answer, Doubt | str):
            world.record(claimed, QUIET if isinstance(answer, WaitUntil) else JOIN)

    def answer(
        self, connection: Connection, permits: Permits, claimed: Claimed
    ) -> tuple[PermitAnswer | str, int]:
        key = effect_key(claimed.root_id, claimed.position)
        declared = replace(rules(claimed.effect), has_lookup=True, timeout=QUICK, settle=QUICK)
        asked = permits.ask(connection, claimed, key, claimed.arguments)
        attempt = 1 + (asked.known.last.attempt if asked.known.last else 0)
        if asked.result != "ok":
            return asked.result, attempt
        seen = LookedUp(began_at=asked.now, found=False)
        answer = decide_permit(declared, asked.known, asked.now, seen)
        if answer == Grant(mode=PermitMode.AFTER_ABSENT):
            permits.absent(connection, claimed, key)
        if isinstance(answer, Grant):
            permits.grant(connection, claimed, key, answer.mode, attempt, declared)
        elif isinstance(answer, Doubt):
            permits.doubt(connection, claimed, key, answer.reason)
        return answer, attempt

    def reply(self, world: World, claimed: Claimed, attempt: int) -> None:
        key = effect_key(claimed.root_id, claimed.position)
        says = self.random.choice([None, Says.HAPPENED, Says.NOT_EXECUTED, Says.UNKNOWN])
        if says is None:
            self.held.append(claimed)
            return
        with world.permits.transaction() as connection:
            world.permits.evidence(connection, claimed, Proof(key=key, attempt=attempt, says=says))
            decision = JOIN if says is Says.HAPPENED else AGAIN
            world.records.record(claimed, decision, written=b"1", connection=connection)

    def evidence(self) -> None:
        """Somebody's reply comes in late."""
        row = self.world.one(
            "select tenant_id, effect_key, attempt from permits where says is null"
            " order by random() limit 1"
        )
        if row is not None:
            says = self.random.choice(["happened", "not_executed", "unknown"])
            sql = "select add_evidence(%s, %s, %s, %s, 'reply', null, null, 'x', 'y')"
            self.world.one(sql, *row, says)

    def some_job(self) -> tuple[TenantId, JobId] | None:
        sql = (
            "select tenant_id, job_id from jobs where finished_at is null order by random() limit 1"
        )
        found: tuple[TenantId, JobId] | None = self.world.one(sql)
        return found

    def control(self) -> None:
        found = self.some_job()
        if found is None:
            return
        verb = self.random.choice(["stop", "now", "pause", "resume", "resume", "release"])
        self.done[verb] += 1
        match verb:
            case "stop" | "now":
                self.controls.stop(*found, reason="x", now=verb == "now")
            case "pause":
                self.controls.pause(*found, reason="x")
            case "resume":
                self.controls.resume(*found)
            case _:
                sql = "select release_step(tenant_id, job_id, position) from steps where status = 'quarantined' limit 1"
                self.world.one(sql)

    def verdict(self) -> None:
        sql = "select tenant_id, effect_key from effects where state = 'in_doubt' order by random() limit 1"
        found = self.world.one(sql)
        if found is not None:
            verdict = self.random.choice(list(GivenVerdict))
            self.controls.give_verdict(*found, verdict=verdict, result=b"1", by="x", reason="")

    def expire(self) -> None:
        """Somebody froze: their leases run out (they may record all the same)."""
        claimed = self.take()
        if claimed is not None:
            replace_tenant(self.world, claimed.tenant_id).expire(claimed)
            if self.random.random() < 0.5:
                self.held.append(claimed)

    def sweep(self) -> None:
        sweeps = self.world.sweeps
        alone: tuple[Callable[[], object], ...] = (sweeps.expired, sweeps.deadlines)
        self.random.choice([*alone, lambda: sweeps.overdue([]), lambda: sweeps.lost([])])()

    def stand_down(self) -> None:
        claimed = self.take()
        if claimed is not None:
            replace_tenant(self.world, claimed.tenant_id).records.stand_down(claimed)


def replace_tenant(world: World, tenant: TenantId) -> World:
    other = World(world.database, tenant)
    object.__setattr__(other, "worker", world.worker)
    return other
