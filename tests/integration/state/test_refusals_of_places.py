"""Rows without their place, money that is not there, moves no status makes: all refused."""

import itertools

import pytest

from agent_workers.domain.job import MOVES, JobStatus
from agent_workers.domain.step import STEP_MOVES, StepStatus
from tests.integration.state.acting import allow
from tests.integration.state.refusing import (
    CHECK,
    FOREIGN,
    TRIGGER,
    UNIQUE,
    change,
    expect,
    refused,
)
from tests.integration.state.world import World


@pytest.mark.parametrize(
    ("sql", "code", "words"),
    [
        ("insert into journal select tenant_id, job_id, 1, 'x', now(), '' from jobs where job_id = %s",
         UNIQUE, "journal_pkey"),
        ("insert into journal select tenant_id, job_id, 0, 'x', now(), '' from jobs where job_id = %s",
         CHECK, "journal_number_check"),
        ("insert into timers select tenant_id, job_id, 'x' from jobs where job_id = %s",
         CHECK, "timers_kind_check"),
        ("insert into steps select (s).* from (select s from steps s where job_id = %s) s",
         UNIQUE, "steps_pkey"),
        ("insert into jobs select (j).* from (select j from jobs j where job_id = %s) j",
         UNIQUE, "jobs_pkey"),
        (("insert into effects select tenant_id, gen_random_uuid(), job_id, job_id, 1, 0, 'x', 'keyed',"
         " '', '' from jobs where job_id = %s"), UNIQUE, "effects_place_key"),
        (("insert into effects select tenant_id, gen_random_uuid(), job_id, job_id, 8, 0, 'x', 'pure',"
         " '', '' from jobs where job_id = %s"), CHECK, "effects_cls_check"),
        (("insert into evidence select tenant_id, gen_random_uuid(), 1, 1, 'happened', 'reply'"
         " from jobs where job_id = %s"), FOREIGN, "evidence_tenant_id"),
        (("insert into steps (tenant_id, job_id, position, round, kind, lane, status, timeout_ms)"
         " select tenant_id, root_id, 9, 0, 'x', 'plan', 'ready', 1 from jobs where job_id = %s"),
         CHECK, "steps_kind_check"),
        (("insert into steps (tenant_id, job_id, position, round, kind, lane, status, timeout_ms)"
         " select 'nobody', root_id, 9, 0, 'plan', 'plan', 'ready', 1 from jobs where job_id = %s"),
         FOREIGN, "steps_tenant_id_job_id_fkey"),
        (("insert into steps (tenant_id, job_id, position, round, kind, lane, status, timeout_ms, effect)"
         " select tenant_id, root_id, 9, 0, 'tool', 'effect', 'ready', 1, 'x' from jobs"
         " where job_id = %s"), CHECK, "steps_effect_check"),
    ],
)  # fmt: skip
def test_nothing_is_written_twice_or_without_its_place(
    world: World, sql: str, code: str, words: str
) -> None:
    claimed = world.acting()
    allow(world, claimed)
    expect(refused(world, sql, claimed.job_id), code, words)


@pytest.mark.parametrize(
    ("sql", "code", "words"),
    [
        ("update budgets set limit_micro = -1", CHECK, "budgets_limit_check"),
        ("update budgets set reserved_micro = 101", CHECK, "budgets_limit_check"),
        ("update budgets set spent_micro = 101", CHECK, "budgets_limit_check"),
        ("update budgets set reserved_micro = -1", CHECK, "budgets_limit_check"),
        ("update reservations set amount_micro = 0", CHECK, "reservations_amount_check"),
        ("update reservations set settled_at = now()", CHECK, "reservations_settled_check"),
        ("update reservations set budget_id = 'x'", FOREIGN, "reservations_tenant_id"),
        ("insert into budgets select tenant_id, budget_id, 5 from budgets", UNIQUE, "budgets_pkey"),
        ("insert into reservations select tenant_id, budget_id, job_id, 5 from reservations",
         UNIQUE, "reservations_pkey"),
    ],
)  # fmt: skip
def test_money_is_never_overdrawn(world: World, sql: str, code: str, words: str) -> None:
    world.one("insert into budgets values (%s, 'month', 100)", world.tenant)
    job = world.submit(allowance=10)
    expect(refused(world, f"{sql} where tenant_id = %s", world.tenant), code, words)
    world.cancel(job)


def test_a_key_stands_for_one_job_and_a_secret_for_one_tenant(world: World) -> None:
    key = "insert into idempotency_keys (tenant_id, key, fingerprint, job_id) values"
    sql = key + " (%s, 'k', '', gen_random_uuid())"
    world.one(sql, world.tenant)
    expect(refused(world, sql, world.tenant), UNIQUE, "idempotency_keys_pkey")
    secret = "insert into api_keys (tenant_id, key_id, secret_hash) values (%s, %s, '')"
    world.one(secret, world.tenant, world.tenant)
    expect(refused(world, secret, "another", world.tenant), UNIQUE, "api_keys_key_id_idx")


def test_the_database_knows_the_same_moves_of_a_job() -> None:
    assert set(MOVES) == set(JobStatus)


@pytest.mark.parametrize(("before", "after"), [*itertools.product(JobStatus, JobStatus)])
def test_a_job_moves_as_its_table_says(world: World, before: JobStatus, after: JobStatus) -> None:
    assert world.one("select job_may_move(%s, %s)", before, after) == (after in MOVES[before])


@pytest.mark.parametrize(("before", "after"), [*itertools.product(StepStatus, StepStatus)])
def test_a_step_moves_as_its_table_says(
    world: World, before: StepStatus, after: StepStatus
) -> None:
    allowed = after in STEP_MOVES[before]
    assert world.one("select step_may_move(%s, %s)", before, after) == allowed


@pytest.mark.parametrize("to", ["done", "in_doubt", "quarantined"])
def test_the_trigger_goes_by_that_table(world: World, to: str) -> None:
    job = world.submit()
    world.pause(job)
    error = change(world, "steps", f"status = '{to}'", "job_id = %s", job)
    expect(error, TRIGGER, "may not move")
