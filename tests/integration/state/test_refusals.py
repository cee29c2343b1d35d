"""What may never happen, tried with raw SQL: the database itself refuses each of it."""

import psycopg
import pytest

from agent_workers.domain.effect import EffectClass, PermitMode, Says
from tests.integration.state.acting import allow, grant, key_of, say
from tests.integration.state.refusing import (
    CHECK,
    FOREIGN,
    TRIGGER,
    UNIQUE,
    change,
    expect,
    refused,
)
from tests.integration.state.world import FINISH, World, use

JOBS = [
    ("status = 'queued'", TRIGGER, "may not move"),
    ("journal_number = 0", TRIGGER, "only grow"),
    ("next_position = 0", TRIGGER, "only grow"),
    ("tenant_id = 'x'", TRIGGER, "who a job is"),
    ("job_id = gen_random_uuid()", TRIGGER, "who a job is"),
    ("root_id = gen_random_uuid()", TRIGGER, "who a job is"),
    ("agent = 'x'", TRIGGER, "who a job is"),
    ("created_at = now()", TRIGGER, "who a job is"),
    ("status = 'unheard of'", CHECK, "jobs_status_check"),
    ("status = 'succeeded', output = 'null'", CHECK, "jobs_finished_check"),
    ("finished_at = now()", CHECK, "jobs_finished_check"),
    ("open_steps = -1", CHECK, "jobs_counts_check"),
    ("held_micro = -1", CHECK, "jobs_money_check"),
    ("spent_micro = -1", CHECK, "jobs_money_check"),
    ("output = 'null'", CHECK, "jobs_output_check"),
    ("error = 'null'", CHECK, "jobs_error_check"),
    ("status = 'failed', finished_at = now()", CHECK, "jobs_error_check"),
    ("status = 'succeeded', finished_at = now()", CHECK, "jobs_output_check"),
]
ENDED_JOBS = [
    ("output = '1'", TRIGGER, "the end of a job is final"),
    ("finished_at = now()", TRIGGER, "the end of a job is final"),
    ("finished_at = null", TRIGGER, "the end of a job is final"),
    ("status = 'running'", TRIGGER, "may not move"),
    ("error = '1'", TRIGGER, "the end of a job is final"),
]
STEPS = [  # of a claimed tool step
    ("status = 'claimed', fence = 0", TRIGGER, "raises the fence"),
    ("fence = 0", TRIGGER, "raises the fence"),
    ("job_id = gen_random_uuid()", TRIGGER, "told to do"),
    ("position = 99", TRIGGER, "told to do"),
    ("kind = 'plan'", TRIGGER, "told to do"),
    ("tool = 'x'", TRIGGER, "told to do"),
    ("effect = 'keyed'", TRIGGER, "told to do"),
    ("arguments = null", TRIGGER, "told to do"),
    ("status = 'unheard of', lease_until = null", CHECK, "steps_status_check"),
    ("status = 'done', lease_until = null", CHECK, "steps_outcome_check"),
    ("outcome_type = 'x', done_at = now()", CHECK, "steps_outcome_check"),
    ("lease_until = null", CHECK, "steps_lease_check"),
    ("status = 'ready'", CHECK, "steps_lease_check"),
    ("claimed_by = null", CHECK, "steps_lease_check"),
    ("lane = 'x'", CHECK, "steps_lane_check"),
    ("lane = 'tool'", CHECK, "steps_effect_lane_check"),
]
EFFECTS = [
    ("request = '2'", TRIGGER, "an intent never changes"),
    ("request_hash = '2'", TRIGGER, "an intent never changes"),
    ("tool = 'x'", TRIGGER, "an intent never changes"),
    ("cls = 'keyed'", TRIGGER, "an intent never changes"),
    ("root_id = gen_random_uuid()", TRIGGER, "an intent never changes"),
    ("position = 9", TRIGGER, "an intent never changes"),
    ("ordinal = 9", TRIGGER, "an intent never changes"),
    ("effect_key = gen_random_uuid()", TRIGGER, "an intent never changes"),
    ("state = 'x'", CHECK, "effects_state_check"),
    ("state = 'done'", CHECK, "effects_result_check"),
    ("result = '1'", CHECK, "effects_result_check"),
]
DONE_EFFECTS = [
    ("state = 'intended', result = null", TRIGGER, "stays done"),
    ("result = '2'", TRIGGER, "stays done"),
]
PERMITS = [
    ("attempt = 2", TRIGGER, "granted never changes"),
    ("mode = 'repeat'", TRIGGER, "granted never changes"),
    ("fence = 9", TRIGGER, "granted never changes"),
    ("granted_at = now()", TRIGGER, "granted never changes"),
    ("quiet_after = now()", TRIGGER, "granted never changes"),
    ("quiet_after = now(), holder_gone_at = now() - interval '1 s'", TRIGGER, "granted never"),
    ("settle_ms = settle_ms + 1", TRIGGER, "granted never changes"),
    ("key_expires_at = now()", TRIGGER, "granted never changes"),
    ("says = 'absent', source = 'lookup', checked_at = now()", CHECK, "absent_needs_quiet"),
    ("says = 'absent', source = 'verdict', checked_at = now()", CHECK, "absent_needs_quiet"),
    ("says = 'absent', source = 'verdict'", CHECK, "absent_needs_quiet"),
    ("says = 'not_executed', source = 'lookup'", CHECK, "refusal_is_a_reply"),
    ("says = 'happened'", CHECK, "permits_source_check"),
    ("source = 'reply'", CHECK, "permits_source_check"),
    ("says = 'happened', source = 'x'", CHECK, "permits_source_check"),
    ("says = 'x', source = 'reply'", CHECK, "permits_says_check"),
    ("cls = 'pure'", CHECK, "permits_cls_check"),
    ("cls = 'reconcilable'", FOREIGN, "fkey"),
]


@pytest.mark.parametrize(("what", "code", "words"), JOBS)
def test_a_running_job_refuses(world: World, what: str, code: str, words: str) -> None:
    job = world.submit()
    world.claim(job)
    expect(change(world, "jobs", what, "job_id = %s", job), code, words)


@pytest.mark.parametrize(("what", "code", "words"), ENDED_JOBS)
def test_an_ended_job_refuses(world: World, what: str, code: str, words: str) -> None:
    job = world.submit()
    world.record(world.claim(job), FINISH)
    expect(change(world, "jobs", what, "job_id = %s", job), code, words)


@pytest.mark.parametrize(("what", "code", "words"), STEPS)
def test_a_claimed_step_refuses(world: World, what: str, code: str, words: str) -> None:
    claimed = world.acting()
    where = "job_id = %s and position = 1"
    expect(change(world, "steps", what, where, claimed.job_id), code, words)


def test_a_claim_without_a_higher_fence_is_refused(world: World) -> None:
    job = world.submit()
    claim = "status = 'claimed', lease_until = now(), claimed_by = gen_random_uuid()"
    expect(change(world, "steps", claim, "job_id = %s", job), TRIGGER, "raises the fence")


@pytest.mark.parametrize(
    "what", ["outcome = '1'", "status = 'ready'", "tries = 9", "last_error='x'"]
)
def test_what_is_recorded_of_a_step_is_final(world: World, what: str) -> None:
    job, canceled = world.submit(), world.submit()
    world.plan(job, use())
    world.cancel(canceled)
    for ended in (job, canceled):
        error = change(world, "steps", what, "job_id = %s and position = 0", ended)
        expect(error, TRIGGER, "written once, for ever")


@pytest.mark.parametrize(("what", "code", "words"), EFFECTS)
def test_an_intended_effect_refuses(world: World, what: str, code: str, words: str) -> None:
    key = allow(world, world.acting())
    expect(change(world, "effects", what, "effect_key = %s", key), code, words)


@pytest.mark.parametrize(("what", "code", "words"), DONE_EFFECTS)
def test_a_done_effect_refuses(world: World, what: str, code: str, words: str) -> None:
    claimed = world.acting()
    key = allow(world, claimed)
    say(world, claimed, Says.HAPPENED, result=b"1")
    expect(change(world, "effects", what, "effect_key = %s", key), code, words)
    with pytest.raises(psycopg.Error, match="stays done"):
        grant(world, claimed, mode=PermitMode.REPEAT, attempt=2)


@pytest.mark.parametrize(("what", "code", "words"), PERMITS)
def test_an_open_permit_refuses(world: World, what: str, code: str, words: str) -> None:
    key = allow(world, world.acting())
    expect(change(world, "permits", what, "effect_key = %s", key), code, words)


def test_what_is_proven_of_a_permit_is_final(world: World) -> None:
    claimed = world.acting()
    key = allow(world, claimed)
    say(world, claimed, Says.NOT_EXECUTED)
    for says in ("'happened'", "'unknown'", "'absent', checked_at = 'infinity'"):
        error = change(world, "permits", f"says = {says}", "effect_key = %s", key)
        expect(error, TRIGGER, "final")


@pytest.mark.parametrize(
    ("cls", "mode", "attempt", "code", "words"),
    [
        ("unsafe", "first", 0, CHECK, "permits_attempt_check"),
        ("unsafe", "x", 2, CHECK, "permits_mode_check"),
        ("unsafe", "same_key", 2, CHECK, "permits_same_key_check"),
        ("unsafe", "first", 2, UNIQUE, "permits_one_live_idx"),
        ("unsafe", "after_verdict", 2, UNIQUE, "permits_one_live_idx"),
        ("unsafe", "repeat", 1, UNIQUE, "permits_pkey"),
    ],
)
def test_a_permit_refuses_to_be_granted(
    world: World, cls: str, mode: str, attempt: int, code: str, words: str
) -> None:
    claimed = world.acting(EffectClass(cls))
    allow(world, claimed)
    sql = "insert into permits select tenant_id, effect_key, %s, cls, %s, fence, worker_id, granted_at"
    rest = ", quiet_after, key_expires_at from permits where effect_key = %s and attempt = 1"
    expect(refused(world, sql + rest, attempt, mode, key_of(claimed)), code, words)


def test_a_permit_that_is_quiet_at_once_or_whose_key_is_dead_is_refused(world: World) -> None:
    claimed = world.acting(EffectClass.KEYED)
    allow(world, claimed)
    sql = "insert into permits select tenant_id, effect_key, 2, cls, 'same_key', fence, worker_id,"
    rest = " from permits where effect_key = %s"
    for times, words in [
        ("granted_at, granted_at, key_expires_at", "permits_quiet_check"),
        ("granted_at, quiet_after, granted_at", "permits_key_life_check"),
        ("granted_at, quiet_after, null", "permits_key_life_check"),
    ]:
        expect(refused(world, f"{sql} {times} {rest}", key_of(claimed)), CHECK, words)


@pytest.mark.parametrize(
    ("sql", "code", "words"),
    [
        ("delete from steps where job_id = %s", TRIGGER, "kept as long as their job"),
        ("delete from jobs where job_id = %s", FOREIGN, "steps"),
        ("delete from effects where job_id = %s", TRIGGER, "kept as long as their job"),
        ("update journal set data = '1' where job_id = %s", TRIGGER, "append-only"),
        ("delete from journal where job_id = %s", TRIGGER, "append-only"),
        ("delete from permits where effect_key in (select effect_key from effects where job_id = %s)",
         TRIGGER, "kept as long as their effect"),
        ("delete from evidence where effect_key in (select effect_key from effects where job_id = %s)",
         TRIGGER, "append-only"),
        (("update evidence set says='absent' where effect_key in"
         " (select effect_key from effects where job_id = %s)"), TRIGGER, "append-only"),
    ],
)  # fmt: skip
def test_nothing_that_was_said_is_unsaid(world: World, sql: str, code: str, words: str) -> None:
    claimed = world.acting()
    allow(world, claimed)
    say(world, claimed, Says.UNKNOWN)
    expect(refused(world, sql, claimed.job_id), code, words)
