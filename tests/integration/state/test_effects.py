"""Permits and their evidence as the database keeps them."""

from datetime import timedelta

import psycopg
import psycopg.errors
import pytest

from agent_workers.domain.effect import EffectClass, EffectState, PermitMode, Says, Source
from agent_workers.execution.values.results import NO_SHAPE
from tests.integration.state.acting import (
    allow,
    ask,
    doubt,
    effect,
    grant,
    key_of,
    known,
    quiet,
    rules,
    say,
)
from tests.integration.state.invariants import broken
from tests.integration.state.world import World, use

KEYED, UNSAFE = EffectClass.KEYED, EffectClass.UNSAFE
NOT_REPEATED = [mode for mode in PermitMode if mode not in {PermitMode.SAME_KEY, PermitMode.REPEAT}]


@pytest.fixture(autouse=True)
def _whole(world: World):
    yield
    assert broken(world.database) == {}


def test_an_intent_is_written_once_and_keeps_its_bytes(world: World) -> None:
    claimed = world.acting()
    assert (ask(world, claimed).request, known(world, claimed).last) == (b'{"amount":1}', None)
    with world.permits.transaction() as connection, pytest.raises(psycopg.Error) as refused:
        world.permits.ask(connection, claimed, key_of(claimed), b'{"amount":2}')
    assert refused.value.sqlstate == "AW005"


def test_a_permit_is_refused_to_who_lost_the_fence(world: World) -> None:
    old = world.acting()
    world.expire(old)
    world.sweeps.expired()
    new = world.claim(old.job_id, 1)
    assert (ask(world, old).result, ask(world, new).result) == ("fenced", "ok")


def test_a_permit_is_refused_in_a_job_that_stops(world: World) -> None:
    canceled, paused, late = world.acting(), world.acting(), world.acting()
    world.cancel(canceled.job_id)
    world.pause(paused.job_id)
    world.one("update jobs set deadline_at = now() where job_id = %s", late.job_id)
    results = [ask(world, claimed).result for claimed in (canceled, paused, late)]
    assert results == ["stopping"] * 3


@pytest.mark.parametrize("cls", [KEYED, EffectClass.RECONCILABLE, UNSAFE])
@pytest.mark.parametrize("mode", NOT_REPEATED)
def test_a_second_live_permit_is_impossible(
    world: World, cls: EffectClass, mode: PermitMode
) -> None:
    claimed = world.acting(cls)
    allow(world, claimed)
    with pytest.raises(psycopg.errors.UniqueViolation):
        grant(world, claimed, mode=mode, attempt=2)
    say(world, claimed, Says.UNKNOWN)
    with pytest.raises(psycopg.errors.UniqueViolation):
        grant(world, claimed, mode=mode, attempt=2)


def test_only_a_keyed_effect_may_use_its_key_again_and_only_while_it_lives(world: World) -> None:
    keyed, unsafe = world.acting(KEYED), world.acting()
    allow(world, keyed)
    allow(world, unsafe)
    grant(world, keyed, mode=PermitMode.SAME_KEY, attempt=2)
    with pytest.raises(psycopg.errors.CheckViolation, match="same_key"):
        grant(world, unsafe, mode=PermitMode.SAME_KEY, attempt=2)
    dead = rules(KEYED, key_ttl=timedelta(milliseconds=1))
    with pytest.raises(psycopg.errors.CheckViolation, match="key_life"):
        grant(world, keyed, mode=PermitMode.SAME_KEY, attempt=3, by=dead)


def test_a_new_permit_follows_proof_that_nothing_happened(world: World) -> None:
    claimed = world.acting()
    allow(world, claimed)
    say(world, claimed, Says.NOT_EXECUTED)
    assert known(world, claimed).quiet_after is None
    grant(world, claimed, mode=PermitMode.AFTER_REFUSAL, attempt=2)
    last = known(world, claimed).last
    assert last is not None
    assert (last.attempt, last.says) == (2, None)


@pytest.mark.parametrize("source", Source)
def test_nobody_may_say_that_it_did_not_happen_before_it_is_quiet(
    world: World, source: Source
) -> None:
    claimed = world.acting()
    allow(world, claimed)
    with pytest.raises(psycopg.errors.CheckViolation, match="absent_needs_quiet"):
        say(world, claimed, Says.ABSENT, source=source)
    quiet(world, claimed)
    say(world, claimed, Says.ABSENT, source=source)


def test_only_a_reply_may_say_that_it_was_refused(world: World) -> None:
    claimed = world.acting()
    allow(world, claimed)
    with pytest.raises(psycopg.errors.CheckViolation, match="refusal_is_a_reply"):
        say(world, claimed, Says.NOT_EXECUTED, source=Source.LOOKUP)


def test_a_look_up_that_saw_nothing_closes_every_open_permit(world: World) -> None:
    claimed = world.acting(KEYED)
    allow(world, claimed)
    grant(world, claimed, mode=PermitMode.SAME_KEY, attempt=2)
    quiet(world, claimed)
    with world.permits.transaction() as connection:
        world.permits.absent(connection, claimed, key_of(claimed))
    assert known(world, claimed).quiet_after is None
    grant(world, claimed, mode=PermitMode.AFTER_ABSENT, attempt=3)


def test_a_retried_job_finds_its_roots_effects_and_hears_of_their_doubts(world: World) -> None:
    first = world.acting()
    key = allow(world, first)
    world.cancel(first.job_id)
    doubt(world, first)
    job = world.submit(root=first.root_id)
    world.plan(job, use(UNSAFE))
    second = world.claim(job, 1)
    assert key_of(second) == key
    assert known(world, second).state is EffectState.IN_DOUBT
    assert doubt(world, second) == "in_doubt"
    say(world, first, Says.HAPPENED, result=b"1")
    assert world.steps(job) == ["done", "ready"]


def _deep() -> object:
    value: object = []
    for _ in range(50_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    ["a\0b", "\ud800", float("nan"), 1e999, _deep(), {"k\0\udfff": [10**5_000]}, "x" * (2 << 20)],
    ids=["NUL", "surrogate", "NaN", "1e999", "deep", "key", "long"],
)
def test_what_a_tool_returns_is_kept_whatever_it_is(world: World, value: object) -> None:
    claimed = world.acting()
    allow(world, claimed)
    written = NO_SHAPE.kept(value)
    say(world, claimed, Says.HAPPENED, result=written)
    assert bytes(effect(world, claimed, "result")) == written


def test_a_thread_that_has_not_replied_is_not_quiet_before_its_key_has_died(world: World) -> None:
    claimed = world.acting(KEYED)
    key = allow(world, claimed)
    quiet(world, claimed)
    expires = world.one("select key_expires_at from permits where effect_key = %s", key)
    assert known(world, claimed).quiet_after == expires
    say(world, claimed, Says.UNKNOWN)
    quiet_after = known(world, claimed).quiet_after
    assert quiet_after is not None
    assert quiet_after < expires


def test_what_a_look_up_sees_is_said_of_the_newest_open_permit(world: World) -> None:
    claimed = world.acting(KEYED)
    key = allow(world, claimed)
    grant(world, claimed, mode=PermitMode.SAME_KEY, attempt=2)
    say(world, claimed, Says.NOT_EXECUTED, attempt=2)
    assert not say(world, claimed, Says.HAPPENED, source=Source.LOOKUP, attempt=2, result=b"1")
    sql = "select array_agg(says order by attempt) from permits where effect_key = %s"
    assert world.one(sql, key) == ["happened", "not_executed"]


def test_look_ups_in_vain_are_counted_until_the_next_permit(world: World) -> None:
    claimed = world.acting(EffectClass.RECONCILABLE)
    key = allow(world, claimed)
    quiet(world, claimed)
    for for_good in (False, True):
        with world.permits.transaction() as connection:
            world.permits.looked_in_vain(connection, claimed, key, for_good=for_good)
    seen = known(world, claimed)
    assert (seen.failed_looks, seen.failed_looks_for_good) == (2, 1)
    with world.permits.transaction() as connection:
        world.permits.absent(connection, claimed, key)
    grant(world, claimed, mode=PermitMode.AFTER_ABSENT, attempt=2)
    seen = known(world, claimed)
    assert (seen.failed_looks, seen.failed_looks_for_good) == (0, 0)


def test_a_key_lives_until_its_death(world: World) -> None:
    keyed, unsafe = world.acting(KEYED), world.acting()
    keys = allow(world, keyed), allow(world, unsafe)
    with world.permits.transaction() as connection:
        lives = [
            world.permits.key_lives(connection, claimed, key)
            for claimed, key in zip((keyed, unsafe), keys, strict=True)
        ]
    assert lives == [True, False]
