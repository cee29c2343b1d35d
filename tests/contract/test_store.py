"""Steps: claimed once, recorded once, joined, tried again; the same in Postgres and in memory."""

from datetime import timedelta
from typing import Any

import pytest

from agent_workers.domain.claim import HALT, Claimed, RecordResult
from agent_workers.domain.decision import Continue, Fail, Join, TryAgain
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import BudgetExceeded, KeyReused
from agent_workers.domain.step import GaveUp
from agent_workers.domain.tools.tool import Statement
from tests.contract.store_world import A_WHILE, StoreWorld
from tests.contract.stores import store
from tests.integration.state.world import AGAIN, EVALUATE, FINISH, PLANNED, RAN, use
from tests.support.database import database, tenant

__all__ = ["database", "store", "tenant"]
SOON = timedelta(seconds=2)
LATER = TryAgain(delay=timedelta(seconds=10), code="timeout", message="no reply")
GAVE_UP = Fail(outcome=GaveUp(code="lost", message="no idea"), code="lost", message="no idea")


# Any: what `record_with` says is a record or a refusal.
def record_with(store: StoreWorld, claimed: Claimed, sql: str) -> Any:
    decision, statements = Join(outcome=RAN, step=EVALUATE), [Statement(sql, {})]
    return store.records.record_with(claimed, decision, statements, written=RAN.result, onward=HALT)


def test_a_job_goes_from_plan_to_answer(store: StoreWorld) -> None:
    job = store.submit()
    store.plan(job, use())
    store.join(store.claim(job, 1))
    store.record(store.claim(job, 2), FINISH)
    done = store.facts(job)
    assert (done.status, done.answer, done.open_steps) == ("succeeded", "done", 0)
    steps = ["step.completed"] * 3
    assert done.entries == ["queued", "started", *steps, "succeeded"]


def test_a_step_is_claimed_once(store: StoreWorld) -> None:
    job = store.submit()
    assert store.claim(job).fence == 1
    assert store.try_claim(job) is None


def test_a_job_for_later_is_not_due_before(store: StoreWorld) -> None:
    job = store.submit(delay=A_WHILE)
    assert store.try_claim(job) is None
    store.pass_time(A_WHILE)
    assert store.try_claim(job) is not None


def test_an_outcome_is_recorded_once(store: StoreWorld) -> None:
    job = store.submit()
    claimed = store.claim(job)
    store.record(claimed, Continue(outcome=PLANNED, steps=(use(),)))
    again = store.record(claimed, Continue(outcome=PLANNED, steps=(use(),)))
    assert again.result is RecordResult.FENCED
    assert store.facts(job).steps == ["done", "ready"]


def test_who_lost_the_fence_records_nothing(store: StoreWorld) -> None:
    job = store.submit()
    slow = store.claim(job)
    store.pass_time(timedelta(hours=1))
    store.sweep()
    assert store.claim(job).fence == 2
    assert store.record(slow, FINISH).result is RecordResult.FENCED
    assert store.facts(job).entries == ["queued", "started", "step.recovered"]


def test_of_an_ended_job_nothing_is_recorded(store: StoreWorld) -> None:
    job = store.submit()
    store.plan(job, use(), use())
    slow = store.claim(job, 1)
    store.record(store.claim(job, 2), GAVE_UP)
    assert store.join(slow).result is RecordResult.ENDED
    assert store.facts(job).steps == ["done", "canceled", "done"]


def test_a_worker_carries_on_with_the_first_step_that_follows(store: StoreWorld) -> None:
    job = store.submit()
    recorded = store.record(
        store.claim(job), Continue(outcome=PLANNED, steps=(use(), use())), carry=True
    )
    assert (recorded.first_position, recorded.carried, recorded.open_steps) == (1, 1, 2)
    assert store.facts(job).steps == ["done", "claimed", "ready"]


@pytest.mark.parametrize(("sql", "after"), [("select 1/0", "claimed"), ("select 1", "done")])
def test_statements_and_their_record_stand_or_fall_together(
    store: StoreWorld, sql: str, after: str
) -> None:
    claimed = store.acting(EffectClass.TRANSACTIONAL)
    said = record_with(store, claimed, sql)
    assert isinstance(said, str) == (after == "claimed")
    assert store.facts(claimed.job_id).steps[1] == after


def test_no_statement_is_run_for_who_lost_the_fence(store: StoreWorld) -> None:
    claimed = store.acting(EffectClass.TRANSACTIONAL)
    store.join(claimed)
    assert record_with(store, claimed, "select 1/0").result is RecordResult.FENCED


def test_siblings_are_joined_by_the_last_one(store: StoreWorld) -> None:
    job = store.submit()
    store.plan(job, use(), use(), use())
    assert store.join(store.claim(job, 2)).first_position is None
    assert store.join(store.claim(job, 1)).first_position is None
    assert store.join(store.claim(job, 3)).first_position == 4
    assert store.facts(job).steps == ["done"] * 4 + ["ready"]


def test_a_retry_is_due_after_its_delay(store: StoreWorld) -> None:
    job = store.submit()
    assert store.record(store.claim(job), LATER).status == "waiting"
    assert store.try_claim(job) is None
    store.pass_time(timedelta(seconds=9))
    assert store.try_claim(job) is None
    store.pass_time(SOON)
    again = store.claim(job)
    assert (again.fence, again.tries) == (2, 1)
    assert store.facts(job).entries == ["queued", "started", "retrying", "resumed"]


def test_a_wait_that_is_nobodys_failure_counts_for_no_try(store: StoreWorld) -> None:
    job = store.submit()
    wait = TryAgain(delay=timedelta(0), code="quiet", message="", counts=False, waits=True)
    store.record(store.claim(job), wait)
    assert store.claim(job).tries == 0
    assert store.facts(job).entries == ["queued", "started", "waiting"]


def test_a_step_that_is_left_undone_is_ready_at_once(store: StoreWorld) -> None:
    job = store.submit()
    claimed = store.claim(job)
    assert store.records.stand_down(claimed) == "ready"
    assert store.records.stand_down(claimed) == "fenced"
    assert store.claim(job).fence == 2


def test_a_step_whose_workers_die_is_quarantined(store: StoreWorld) -> None:
    job = store.submit()
    for _ in range(3):
        store.claim(job)
        store.pass_time(timedelta(hours=1))
        store.sweep()
    assert (store.facts(job).status, store.facts(job).steps) == ("quarantined", ["quarantined"])
    assert store.facts(job).entries[-2:] == ["step.recovered", "quarantined"]


def test_a_job_has_no_more_steps_than_it_may(store: StoreWorld) -> None:
    job = store.submit(max_steps=2)
    recorded = store.plan(job, use(), use())
    assert (recorded.status, recorded.code) == ("failed", "too_many_steps")
    error = store.facts(job).error
    assert error is not None
    assert error["message"] == "the job reached its limit of 2 steps"


def test_a_hold_is_booked_as_what_it_cost(store: StoreWorld) -> None:
    job = store.submit(allowance=100, hold=30)
    claimed = store.claim(job)
    assert (store.facts(job).held, claimed.left_micro) == (30, 70)
    store.record(claimed, Continue(outcome=PLANNED, steps=(use(hold=20),)), carry=True)
    assert (store.facts(job).held, store.facts(job).spent) == (20, 0)


def test_a_job_that_cannot_pay_for_a_step_is_paused(store: StoreWorld) -> None:
    job = store.submit(allowance=10, hold=30)
    assert store.try_claim(job) is None
    assert (store.facts(job).status, store.facts(job).steps) == ("paused", ["paused"])
    assert store.facts(job).entries == ["queued", "paused"]


def test_what_a_lost_attempt_held_is_booked_in_full(store: StoreWorld) -> None:
    job = store.submit(allowance=100, hold=30)
    store.claim(job)
    store.pass_time(timedelta(hours=1))
    store.sweep()
    assert (store.facts(job).held, store.facts(job).spent) == (0, 30)


def test_an_allowance_is_reserved_of_the_budget_and_settled(store: StoreWorld) -> None:
    store.give_budget(1_000)
    job = store.submit(allowance=400)
    assert store.budget() == (0, 400)
    store.record(store.claim(job), FINISH)
    assert store.budget() == (0, 0)


def test_a_budget_that_is_used_up_takes_no_more_jobs(store: StoreWorld) -> None:
    store.give_budget(1_000)
    store.submit(allowance=700)
    with pytest.raises(BudgetExceeded, match="budget all is used up"):
        store.submit(allowance=400)


def test_a_job_without_a_limit_draws_what_its_steps_may_cost(store: StoreWorld) -> None:
    store.give_budget(1_000)
    job = store.submit(hold=100)
    claimed = store.claim(job)
    assert (store.facts(job).allowance, store.budget()) == (200, (0, 200))
    assert claimed.left_micro == 900
    store.stop(job)
    store.record(claimed, FINISH)
    assert store.budget() == (0, 0)


def test_a_call_for_which_nothing_was_held_is_held_before_it_begins(store: StoreWorld) -> None:
    job = store.submit()
    claimed = store.claim(job)
    assert store.calls.begin(claimed, 70)
    assert (store.calls.begun_micro(claimed), store.facts(job).held) == (70, 70)
    store.record(claimed, AGAIN)
    assert store.facts(job).held == 0


def test_a_key_stands_for_one_job(store: StoreWorld) -> None:
    job = store.submit(key="k", said=b'{"n":1}')
    assert store.submit(key="k", said=b'{"n":1}') == job
    with pytest.raises(KeyReused):
        store.submit(key="k", said=b'{"n":2}')


def test_a_key_is_forgotten_after_a_month(store: StoreWorld) -> None:
    job = store.submit(key="k")
    store.pass_time(timedelta(days=31))
    assert store.submit(key="k", said=b'{"n":2}') != job


def test_journal_numbers_have_no_gaps(store: StoreWorld) -> None:
    job = store.submit()
    store.plan(job, use(), EVALUATE)
    store.record(store.claim(job, 1), LATER)
    store.pause(job)
    store.resume(job)
    store.stop(job)
    numbers = [number for number, _, _ in store.journal(job)]
    assert numbers == list(range(1, len(numbers) + 1))


def test_entries_say_where_in_a_requests_way_they_are(store: StoreWorld) -> None:
    job = store.submit()
    store.record(store.claim(job), LATER)
    store.stop(job)
    places = [(kind, data["stage"], data["component"]) for _, kind, data in store.journal(job)]
    assert places == [
        ("queued", "admit", "cost"),
        ("started", "execute", "planner"),
        ("retrying", "execute", "recovery"),
        ("canceled", "respond", "answer"),
    ]
