"""Doubt, and what ends it: evidence, however late, and the verdicts of people."""

from uuid import UUID

import psycopg
import psycopg.errors
import pytest

from agent_workers.domain.claim import RecordResult
from agent_workers.domain.effect import EffectClass, EffectState, PermitMode, Proof, Says
from agent_workers.domain.errors import EffectNotFound, IllegalMove, TooEarly
from agent_workers.domain.ids import EffectKey
from agent_workers.state.jobs.controls import Controls, GivenVerdict
from tests.integration.state.acting import (
    allow,
    doubt,
    effect,
    grant,
    key_of,
    known,
    quiet,
    say,
)
from tests.integration.state.invariants import broken
from tests.integration.state.world import JOIN, World

KEYED, UNSAFE = EffectClass.KEYED, EffectClass.UNSAFE
NOT_REPEATED = [mode for mode in PermitMode if mode not in {PermitMode.SAME_KEY, PermitMode.REPEAT}]


@pytest.fixture(autouse=True)
def _whole(world: World):
    yield
    assert broken(world.database) == {}


def judge(world: World, key: EffectKey, verdict: GivenVerdict, result: bytes | None = None):
    return Controls(world.database).give_verdict(
        world.tenant, key, verdict=verdict, result=result, by="ann", reason="I looked"
    )


def test_doubt_parks_the_step_and_evidence_wakes_it(world: World) -> None:
    claimed = world.acting()
    allow(world, claimed)
    assert doubt(world, claimed, "silence \0\ud800") == "in_doubt"
    assert (world.status(claimed.job_id), world.steps(claimed.job_id)[1]) == ("in_doubt",) * 2
    assert effect(world, claimed, "state, doubt_reason") == ("in_doubt", "silence ?")
    assert world.claims.named(world.tenant, claimed.job_id, 1) is None
    assert not say(world, claimed, Says.HAPPENED, result=b'"paid"')
    again = world.claim(claimed.job_id, 1)
    assert known(world, again).state is EffectState.DONE
    assert known(world, again).result == b'"paid"'
    assert world.journal(claimed.job_id)[-2:] == ["in_doubt", "doubt_ended"]
    assert world.status(claimed.job_id) == "running"


def test_evidence_ends_a_doubt_while_the_job_is_paused(world: World) -> None:
    claimed = world.acting()
    allow(world, claimed)
    doubt(world, claimed)
    world.pause(claimed.job_id)
    say(world, claimed, Says.HAPPENED)
    assert world.steps(claimed.job_id)[1] == "paused"
    assert world.control("resume_job", claimed.job_id) == "running"


def test_who_lost_the_fence_cannot_doubt_but_can_give_evidence(world: World) -> None:
    old = world.acting()
    allow(world, old)
    world.expire(old)
    world.sweeps.expired()
    world.claim(old.job_id, 1)
    assert doubt(world, old) == "fenced"
    assert effect(world, old) == "intended"
    say(world, old, Says.HAPPENED, result=b"1")
    assert effect(world, old) == "done"


def test_a_verdict_that_it_happened_carries_its_result(world: World) -> None:
    claimed = world.acting()
    key = allow(world, claimed)
    doubt(world, claimed)
    changed = judge(world, key, GivenVerdict.HAPPENED, b'{"id":7}')
    assert [due.position for due in changed.due] == [1]
    again = world.claim(claimed.job_id, 1)
    assert known(world, again).result == b'{"id":7}'
    with pytest.raises(IllegalMove):
        judge(world, key, GivenVerdict.ABANDON)


def test_a_verdict_that_it_did_not_happen_is_refused_before_it_is_quiet(world: World) -> None:
    claimed = world.acting()
    key = allow(world, claimed)
    doubt(world, claimed)
    with pytest.raises(TooEarly):
        judge(world, key, GivenVerdict.NOT_HAPPENED)
    assert world.steps(claimed.job_id)[1] == "in_doubt"
    quiet(world, claimed)
    judge(world, key, GivenVerdict.NOT_HAPPENED)
    again = world.claim(claimed.job_id, 1)
    assert known(world, again).quiet_after is None
    grant(world, again, mode=PermitMode.AFTER_VERDICT, attempt=2)


def test_a_verdict_on_a_keyed_effect_waits_for_threads_that_live_as_long_as_the_key(
    world: World,
) -> None:
    claimed = world.acting(EffectClass.KEYED)
    key = allow(world, claimed)
    doubt(world, claimed)
    quiet(world, claimed)
    with pytest.raises(TooEarly):
        judge(world, key, GivenVerdict.NOT_HAPPENED)
    judge(world, key, GivenVerdict.HAPPENED, b"1")


@pytest.mark.breaks_rows("contradictory evidence", "evidence contradicts nothing")
def test_an_effect_that_was_given_up_is_never_granted_again(world: World) -> None:
    claimed = world.acting()
    key = allow(world, claimed)
    doubt(world, claimed)
    judge(world, key, GivenVerdict.ABANDON)
    again = world.claim(claimed.job_id, 1)
    assert known(world, again).state is EffectState.ABANDONED
    with pytest.raises(psycopg.DatabaseError, match="not attempted again"):
        grant(world, again, mode=PermitMode.REPEAT, attempt=2)
    assert say(world, again, Says.HAPPENED, result=b"1")
    assert world.journal(claimed.job_id)[-1] == "effect_contradicted"


def test_a_verdict_on_no_effect_or_another_tenants_is_not_found(world: World) -> None:
    with pytest.raises(EffectNotFound):
        judge(world, EffectKey(UUID(int=9)), GivenVerdict.ABANDON)


@pytest.mark.breaks_rows("contradictory evidence", "evidence contradicts nothing")
def test_evidence_that_contradicts_is_kept_journalled_and_raised(world: World) -> None:
    claimed = world.acting()
    key = allow(world, claimed)
    doubt(world, claimed)
    quiet(world, claimed)
    judge(world, key, GivenVerdict.NOT_HAPPENED)
    assert say(world, claimed, Says.HAPPENED, result=b'"paid"')
    sql = "select array_agg(says || ':' || source order by number), bool_or(contradicts)"
    kept = world.one(sql + " from evidence where effect_key = %s", key)
    assert kept == (["absent:verdict", "happened:reply"], True)
    assert "effect_contradicted" in world.journal(claimed.job_id)
    assert effect(world, claimed) == "done"


@pytest.mark.breaks_rows("contradictory evidence", "evidence contradicts nothing")
def test_a_refusal_after_a_verdict_that_it_happened_contradicts(world: World) -> None:
    claimed = world.acting()
    key = allow(world, claimed)
    doubt(world, claimed)
    judge(world, key, GivenVerdict.HAPPENED, b"1")
    assert say(world, claimed, Says.NOT_EXECUTED)
    assert effect(world, claimed, "state, result") == ("done", b"1")


def test_evidence_after_the_end_is_kept_and_changes_no_status(world: World) -> None:
    claimed = world.acting()
    key = allow(world, claimed)
    world.cancel(claimed.job_id)
    assert doubt(world, claimed) == "canceled"
    before = world.job(claimed.job_id, "status, finished_at, output, error, spent_micro")
    say(world, claimed, Says.HAPPENED, result=b"1")
    assert world.job(claimed.job_id, "status, finished_at, output, error, spent_micro") == before
    assert effect(world, claimed) == "done"
    assert world.one("select count(*) from evidence where effect_key = %s", key) == 1
    assert world.journal(claimed.job_id)[-2:] == ["canceled", "effect.evidence_late"]


def test_a_stop_waits_for_a_live_permit_and_a_dead_worker_leaves_a_doubt(world: World) -> None:
    claimed = world.acting()
    allow(world, claimed)
    assert world.cancel(claimed.job_id) == "canceling"
    world.expire(claimed)
    world.sweeps.expired()
    assert (world.status(claimed.job_id), effect(world, claimed)) == ("canceled", "in_doubt")


def test_evidence_and_a_lost_record_share_a_transaction_and_only_the_record_is_lost(
    world: World,
) -> None:
    claimed = world.acting()
    allow(world, claimed)
    world.expire(claimed)
    world.sweeps.expired()
    world.claim(claimed.job_id, 1)
    with world.permits.transaction() as connection:
        proof = Proof(key=key_of(claimed), attempt=1, says=Says.HAPPENED, result=b"1")
        world.permits.evidence(connection, claimed, proof)
        recorded = world.records.record(claimed, JOIN, written=b"1", connection=connection)
    assert recorded.result is RecordResult.FENCED
    assert effect(world, claimed) == "done"
