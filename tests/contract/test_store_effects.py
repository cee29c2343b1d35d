"""Permits and evidence: asked, granted, doubted, settled; the same in Postgres and in memory."""

from datetime import timedelta

import pytest

from agent_workers.domain.claim import Claimed
from agent_workers.domain.effect import EffectClass, EffectState, LookedUp, PermitMode, Says, Source
from agent_workers.domain.errors import IllegalMove, TooEarly
from agent_workers.domain.permitting import decide_permit
from tests.contract.store_world import StoreWorld, key_of, rules
from tests.contract.stores import store
from tests.contract.test_store import GAVE_UP
from tests.integration.state.world import AGAIN, use
from tests.support.database import database, tenant

__all__ = ["database", "store", "tenant"]
PERMITTED = (EffectClass.KEYED, EffectClass.RECONCILABLE, EffectClass.UNSAFE)
LONG = timedelta(minutes=30)


def see_nothing(store: StoreWorld, claimed: Claimed) -> None:
    with store.permits.transaction() as connection:
        store.permits.absent(connection, claimed, key_of(claimed))


@pytest.mark.parametrize("cls", PERMITTED)
def test_a_first_permit_is_asked_for_and_granted(store: StoreWorld, cls: EffectClass) -> None:
    claimed = store.acting(cls)
    asked = store.ask(claimed)
    assert (asked.result, asked.known.state, asked.known.last) == ("ok", EffectState.INTENDED, None)
    store.grant(claimed)
    known = store.ask(claimed).known
    assert known.last is not None
    assert (known.last.attempt, known.last.says, known.quiet_after is not None) == (1, None, True)
    assert store.permits.is_open(claimed)
    assert store.permits.is_intended(claimed, key_of(claimed))


@pytest.mark.parametrize("cls", PERMITTED)
def test_what_happened_is_known_for_ever(store: StoreWorld, cls: EffectClass) -> None:
    claimed = store.acting(cls)
    store.ask(claimed)
    store.grant(claimed)
    assert not store.say(claimed, Says.HAPPENED, result=b"7")
    known = store.ask(claimed).known
    assert (known.state, known.result, known.quiet_after) == (EffectState.DONE, b"7", None)
    assert not store.permits.is_open(claimed)


def test_evidence_needs_no_fence(store: StoreWorld) -> None:
    slow = store.acting()
    store.ask(slow)
    store.grant(slow)
    store.pass_time(timedelta(hours=1))
    store.sweep()
    again = store.claim(slow.job_id, 1)
    store.say(slow, Says.HAPPENED, result=b"7")
    assert store.ask(slow).result == "fenced"
    assert store.ask(again).known.state is EffectState.DONE


def test_a_refusal_is_told_with_its_reason(store: StoreWorld) -> None:
    claimed = store.acting()
    store.ask(claimed)
    store.grant(claimed)
    store.say(claimed, Says.NOT_EXECUTED)
    last = store.ask(claimed).known.last
    assert last is not None
    assert (last.says, last.reason) == (Says.NOT_EXECUTED, "so")


@pytest.mark.parametrize("cls", PERMITTED)
def test_the_same_is_decided_of_a_silence(store: StoreWorld, cls: EffectClass) -> None:
    claimed = store.acting(cls)
    store.ask(claimed)
    store.grant(claimed)
    answers = []
    for _ in range(2):
        asked = store.ask(claimed)
        answers.append(type(decide_permit(rules(cls), asked.known, asked.now, None)).__name__)
        store.pass_time(LONG)
    expected = {
        EffectClass.KEYED: ["Grant", "Grant"],
        EffectClass.RECONCILABLE: ["WaitUntil", "Doubt"],
        EffectClass.UNSAFE: ["WaitUntil", "Doubt"],
    }
    assert answers == expected[cls]


def test_a_look_up_speaks_for_the_newest_open_permit(store: StoreWorld) -> None:
    claimed = store.acting(EffectClass.KEYED)
    store.ask(claimed)
    store.grant(claimed)
    store.grant(claimed, PermitMode.SAME_KEY, 2)
    store.say(claimed, Says.HAPPENED, Source.LOOKUP, attempt=2, result=b"1")
    known = store.ask(claimed).known
    assert known.last is not None
    assert (known.last.attempt, known.last.says) == (2, Says.HAPPENED)


def test_what_was_seen_to_be_absent_closes_every_open_permit(store: StoreWorld) -> None:
    claimed = store.acting(EffectClass.RECONCILABLE)
    store.ask(claimed)
    store.grant(claimed)
    store.pass_time(LONG)
    see_nothing(store, claimed)
    known = store.ask(claimed).known
    assert known.last is not None
    assert (known.last.says, known.quiet_after) == (Says.ABSENT, None)


def test_failed_looks_are_counted_until_the_next_permit(store: StoreWorld) -> None:
    claimed = store.acting(EffectClass.RECONCILABLE)
    store.ask(claimed)
    store.grant(claimed)
    with store.permits.transaction() as connection:
        for for_good in (True, False):
            store.permits.looked_in_vain(connection, claimed, key_of(claimed), for_good=for_good)
    known = store.ask(claimed).known
    assert (known.failed_looks, known.failed_looks_for_good) == (2, 1)
    store.pass_time(LONG)
    see_nothing(store, claimed)
    store.grant(claimed, PermitMode.AFTER_ABSENT, 2)
    assert store.ask(claimed).known.failed_looks == 0


def test_a_doubt_parks_the_step_and_a_verdict_wakes_it(store: StoreWorld) -> None:
    claimed = store.acting()
    store.ask(claimed)
    store.grant(claimed)
    assert store.doubt(claimed) == "in_doubt"
    assert store.facts(claimed.job_id).status == "in_doubt"
    store.settle(key_of(claimed), "happened")
    after = store.facts(claimed.job_id)
    assert (after.status, after.steps, after.effects) == ("running", ["done", "ready"], ["done"])
    assert after.entries[-2:] == ["in_doubt", "doubt_ended"]


def test_a_job_that_ends_leaves_what_nobody_answered_in_doubt(store: StoreWorld) -> None:
    job = store.submit()
    store.plan(job, use(EffectClass.UNSAFE), use())
    acting = store.claim(job, 1)
    store.ask(acting)
    store.grant(acting)
    store.record(store.claim(job, 2), GAVE_UP)
    after = store.facts(job)
    assert (after.status, after.effects) == ("failed", ["in_doubt"])
    assert after.entries[-3:] == ["in_doubt", "step.completed", "failed"]


def test_a_person_cannot_say_too_early_that_it_did_not_happen(store: StoreWorld) -> None:
    claimed = store.acting()
    store.ask(claimed)
    store.grant(claimed)
    store.doubt(claimed)
    with pytest.raises(TooEarly):
        store.settle(key_of(claimed), "not_happened")
    store.pass_time(LONG)
    store.settle(key_of(claimed), "not_happened")
    asked = store.ask(store.claim(claimed.job_id, 1))
    answer = decide_permit(rules(claimed.effect), asked.known, asked.now, None)
    assert getattr(answer, "mode", None) is PermitMode.AFTER_VERDICT


def test_a_person_may_abandon_an_effect(store: StoreWorld) -> None:
    claimed = store.acting()
    store.ask(claimed)
    store.grant(claimed)
    store.doubt(claimed)
    store.settle(key_of(claimed), "abandon")
    assert store.facts(claimed.job_id).effects == ["abandoned"]
    with pytest.raises(IllegalMove):
        store.settle(key_of(claimed), "happened")


def test_what_comes_in_after_the_doubt_ends_it(store: StoreWorld) -> None:
    claimed = store.acting()
    store.ask(claimed)
    store.grant(claimed)
    store.doubt(claimed)
    store.say(claimed, Says.HAPPENED, result=b"1")
    assert store.facts(claimed.job_id).steps == ["done", "ready"]


def test_contradictions_are_said(store: StoreWorld) -> None:
    claimed = store.acting()
    store.ask(claimed)
    store.grant(claimed)
    store.say(claimed, Says.NOT_EXECUTED)
    assert store.say(claimed, Says.HAPPENED, result=b"1")
    assert store.facts(claimed.job_id).entries[-1] == "effect_contradicted"


def test_evidence_of_an_ended_job_is_late(store: StoreWorld) -> None:
    claimed = store.acting()
    store.ask(claimed)
    store.grant(claimed)
    store.stop(claimed.job_id)
    store.pass_time(LONG)
    store.sweep()
    assert (store.facts(claimed.job_id).status, store.facts(claimed.job_id).effects) == (
        "canceled",
        ["in_doubt"],
    )
    store.say(claimed, Says.HAPPENED, result=b"1")
    assert store.facts(claimed.job_id).entries[-1] == "effect.evidence_late"


@pytest.mark.parametrize("cls", PERMITTED)
def test_a_job_that_is_stopped_settles_what_can_be_settled(
    store: StoreWorld, cls: EffectClass
) -> None:
    claimed = store.acting(cls)
    store.ask(claimed)
    store.grant(claimed)
    store.record(claimed, AGAIN)
    store.stop(claimed.job_id)
    after = store.facts(claimed.job_id)
    settles = cls is not EffectClass.UNSAFE
    assert after.status == ("canceling" if settles else "canceled")
    assert after.effects == ["intended" if settles else "in_doubt"]
    if settles:
        assert store.ask(store.claim(claimed.job_id, 1)).result == "settling"


@pytest.mark.parametrize("how", ["pause", "stop", "deadline"])
def test_no_permit_is_given_in_a_job_that_stops(store: StoreWorld, how: str) -> None:
    job = store.submit(deadline=timedelta(minutes=5))
    store.plan(job, use(EffectClass.UNSAFE))
    claimed = store.claim(job, 1)
    if how == "pause":
        store.pause(job)
    elif how == "stop":
        store.stop(job)
    else:
        store.pass_time(timedelta(minutes=6))
    assert store.ask(claimed).result == "stopping"


def test_a_look_up_is_dated_by_the_clock_of_the_store(store: StoreWorld) -> None:
    claimed = store.acting(EffectClass.RECONCILABLE)
    store.ask(claimed)
    store.grant(claimed)
    quiet = store.ask(claimed).known.quiet_after
    assert quiet is not None
    early = LookedUp(began_at=store.permits.now(), found=False)
    assert early.began_at < quiet
