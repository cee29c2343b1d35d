"""One walk through both stores at once: after each step of it they say the same of every job."""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

import pytest

from agent_workers.domain.claim import Claimed
from agent_workers.domain.decision import Continue, Decision, Fail, Finish, Join, Park, TryAgain
from agent_workers.domain.effect import EffectClass, PermitMode, Says
from agent_workers.domain.errors import AgentWorkersError
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.step import GaveUp, Judged, ToolFailed, Verdict
from agent_workers.domain.wait import Wait, WaitKind
from agent_workers.state.database.engine import Database
from tests.contract.store_world import StoreWorld
from tests.contract.stores import both
from tests.integration.state.waiting import event, person
from tests.integration.state.world import EVALUATE, PLANNED, RAN, use
from tests.support.database import database, tenant

__all__ = ["database", "tenant"]
WALKS, MOVES = 40, 30
FINISH = Finish(outcome=Judged(verdict=Verdict.ACCEPT, output=b"1"), output=b"1")
FAIL = Fail(outcome=GaveUp(code="lost", message="no idea"), code="lost", message="no idea")
BAD = ToolFailed(code="no", message="it says no")
T = TypeVar("T")


@dataclass
class Pair:
    """The same job in both stores, and what is held of it."""

    stores: Sequence[StoreWorld]
    jobs: list[JobId]
    chance: random.Random
    held: list[list[Claimed]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def each(self, act: Callable[[StoreWorld, JobId], T]) -> list[T]:
        return [act(store, job) for store, job in zip(self.stores, self.jobs, strict=True)]

    def move(self) -> None:
        verb = self.chance.choice(_VERBS)
        self.said.append(verb.__name__)
        verb(self)

    def agree(self) -> None:
        """Say the same of the job, whichever store is asked."""
        ours, theirs = self.each(lambda store, job: store.facts(job))
        assert ours == theirs, self.said
        told, other = self.each(lambda store, job: [_plain(one) for one in store.journal(job)])
        assert told == other, self.said

    def step(self) -> list[Claimed] | None:
        """Pick a step that a worker has, or had."""
        return self.chance.choice(self.held) if self.held else None


def claim(pair: Pair) -> None:
    position = pair.chance.randrange(8)
    if position >= len(pair.stores[0].facts(pair.jobs[0]).steps):
        return
    claims = pair.each(lambda store, job: store.try_claim(job, position))
    assert (claims[0] is None) == (claims[1] is None), (pair.said, position)
    found = [one for one in claims if one is not None]
    if found:
        assert _known(found[0]) == _known(found[1]), pair.said
        pair.held.append(found)


def record(pair: Pair) -> None:
    held = pair.step()
    if held is None:
        return
    steps = tuple(
        use(pair.chance.choice(list(EffectClass)), hold=pair.chance.choice([0, 5]))
        for _ in range(pair.chance.randrange(1, 4))
    )
    delay = timedelta(seconds=pair.chance.choice([0, 1, 60]))
    decisions: list[Decision] = [
        Continue(outcome=PLANNED, steps=steps),
        Continue(outcome=PLANNED, steps=steps),
        Join(outcome=RAN, step=EVALUATE),
        Join(outcome=BAD, step=EVALUATE),
        TryAgain(delay=delay, code="x", message="y", counts=pair.chance.random() < 0.7),
        Park(wait=event()),
        Park(wait=person("sure", timedelta(hours=1))),
        Park(wait=Wait(kind=WaitKind.TIMER, key="", timeout=delay), keeps_hold=True),
        *((FINISH, FAIL) if pair.chance.random() < 0.2 else ()),
    ]
    decision = pair.chance.choice(decisions)
    carry = pair.chance.random() < 0.3
    recorded = [
        store.record(claimed, decision, carry=carry)
        for store, claimed in zip(pair.stores, held, strict=True)
    ]
    assert recorded[0] == recorded[1], (pair.said, decision)


def act(pair: Pair) -> None:
    """Ask for a permit as the protocol would, and leave it open or answer it."""
    held = pair.step()
    if held is None or held[0].effect in {EffectClass.PURE, EffectClass.TRANSACTIONAL}:
        return
    asked = [store.ask(claimed) for store, claimed in zip(pair.stores, held, strict=True)]
    assert asked[0].result == asked[1].result, pair.said
    if asked[0].result != "ok" or asked[0].known.last is not None:
        return
    says = pair.chance.choice([None, Says.HAPPENED, Says.NOT_EXECUTED, Says.UNKNOWN])
    for store, claimed in zip(pair.stores, held, strict=True):
        store.grant(claimed, PermitMode.FIRST)
        if says is not None:
            store.say(claimed, says, result=b"1" if says is Says.HAPPENED else None)


def doubt(pair: Pair) -> None:
    held = pair.step()
    if held is None or not pair.stores[1].permits.is_open(held[1]):
        return
    doubts = [store.doubt(claimed) for store, claimed in zip(pair.stores, held, strict=True)]
    assert doubts[0] == doubts[1], pair.said


def stand_down(pair: Pair) -> None:
    held = pair.step()
    if held is not None:
        left = [s.records.stand_down(c) for s, c in zip(pair.stores, held, strict=True)]
        assert left[0] == left[1], pair.said


def pause(pair: Pair) -> None:
    pair.each(lambda store, job: store.pause(job))


def resume(pair: Pair) -> None:
    pair.each(lambda store, job: store.resume(job))


def stop(pair: Pair) -> None:
    if pair.chance.random() < 0.3:
        now = pair.chance.random() < 0.5
        pair.each(lambda store, job: store.stop(job, now=now))


def answer(pair: Pair) -> None:
    def said(store: StoreWorld, job: JobId) -> str:
        try:
            store.answer(job, "sure", b"1")
        except AgentWorkersError as error:
            return type(error).__name__
        return ""

    answers = pair.each(said)
    assert answers[0] == answers[1], pair.said


def send(pair: Pair) -> None:
    with suppress(AgentWorkersError):
        sent = pair.each(lambda store, job: store.send(job))
        assert (sent[0].number, sent[0].taken) == (sent[1].number, sent[1].taken), pair.said


def pass_time(pair: Pair) -> None:
    by = pair.chance.choice([timedelta(seconds=2), timedelta(minutes=3)])
    for store in pair.stores:
        store.pass_time(by)
        store.sweep()


_VERBS = (
    *(claim,) * 6,
    *(record,) * 6,
    *(act,) * 4,
    *(pass_time,) * 2,
    *(answer, doubt, pause, resume, resume, send, stand_down, stop),
)


def _plain(entry: tuple[int, str, dict[str, object]]) -> tuple[object, ...]:
    """An entry, but for ids and times."""
    number, kind, data = entry
    return number, kind, {k: v for k, v in data.items() if k not in {"effect_key", "until"}}


def _known(claimed: Claimed) -> tuple[object, ...]:
    """What a claim says, but for ids and times."""
    money = claimed.left_micro, claimed.hold_micro
    place = claimed.position, claimed.fence, claimed.tries, claimed.next_position
    return (*place, *money, claimed.kind, claimed.lane, claimed.effect, claimed.tool)


@pytest.mark.parametrize("seed", range(WALKS))
def test_both_stores_say_the_same_after_every_move(
    database: Database, tenant: TenantId, seed: int
) -> None:
    chance = random.Random(seed)
    stores = both(database, tenant)
    allowance, hold = chance.choice([(0, 0), (0, 3), (60, 3)])
    deadline = chance.choice([None, timedelta(minutes=10)])
    jobs = [
        store.submit(allowance=allowance, hold=hold, deadline=deadline, max_steps=12)
        for store in stores
    ]
    pair = Pair(stores, jobs, chance)
    for _ in range(MOVES):
        pair.move()
        pair.agree()
