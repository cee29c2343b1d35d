"""Waits and control: answered, timed out, paused, stopped; the same in Postgres and in memory."""

from uuid import uuid4

import pytest

from agent_workers.domain.claim import Claimed, RecordResult
from agent_workers.domain.decision import Join, Park
from agent_workers.domain.effect import EffectClass
from agent_workers.domain.errors import KeyReused
from agent_workers.domain.ids import JobId
from agent_workers.domain.mail import (
    AnsweredOtherwise,
    JobHasEnded,
    NoSuchQuestion,
    NotAChoice,
    QuestionClosed,
    Taken,
)
from agent_workers.domain.wait import Child, Wait, WaitKind
from agent_workers.orchestration.engine_tools.decide import child_answered, still_holding
from tests.contract.store_world import A_WHILE, StoreWorld
from tests.contract.stores import store
from tests.integration.state.waiting import child, child_id, event, person
from tests.integration.state.world import EVALUATE, FINISH, use
from tests.support.database import database, tenant

__all__ = ["database", "store", "tenant"]


def waiting(store: StoreWorld, wait: Wait, **given: int) -> Claimed:
    """A step of a new job that waits for this."""
    job = store.submit(**given)  # type: ignore[arg-type]  # what `submit` takes
    store.plan(job, use())
    claimed = store.claim(job, 1)
    store.record(claimed, Park(wait=wait))
    return claimed


def test_a_parked_step_is_nobodys_until_its_time_is_over(store: StoreWorld) -> None:
    claimed = waiting(store, Wait(kind=WaitKind.TIMER, key="", timeout=A_WHILE))
    assert store.facts(claimed.job_id).status == "waiting"
    assert store.try_claim(claimed.job_id, 1) is None
    store.pass_time(A_WHILE)
    again = store.claim(claimed.job_id, 1)
    waited = store.waits.of(again)
    assert (waited.kind, waited.timed_out, waited.answer) == (WaitKind.TIMER, True, None)
    assert store.facts(claimed.job_id).entries[-2:] == ["waiting", "resumed"]


def test_an_answer_brings_the_time_forward(store: StoreWorld) -> None:
    claimed = waiting(store, person("sure", None, "yes", "no"))
    store.answer(claimed.job_id, "sure", b'"yes"')
    assert store.facts(claimed.job_id).status == "running"
    assert store.waits.of(store.claim(claimed.job_id, 1)).answer == b'"yes"'
    assert store.facts(claimed.job_id).entries[-1] == "answered"


def test_an_answer_is_given_once(store: StoreWorld) -> None:
    job = waiting(store, person()).job_id
    store.answer(job, "sure", b"1")
    store.answer(job, "sure", b"1")
    with pytest.raises(AnsweredOtherwise):
        store.answer(job, "sure", b"2")
    assert store.facts(job).entries.count("answered") == 1


def test_an_answer_is_one_of_the_choices(store: StoreWorld) -> None:
    job = waiting(store, person("sure", None, "yes")).job_id
    with pytest.raises(NotAChoice, match="must be one of"):
        store.answer(job, "sure", b'"maybe"')
    with pytest.raises(NoSuchQuestion):
        store.answer(job, "other", b'"yes"')


def test_a_question_is_closed_when_its_time_is_over(store: StoreWorld) -> None:
    job = waiting(store, person("sure", A_WHILE)).job_id
    store.pass_time(2 * A_WHILE)
    with pytest.raises(QuestionClosed):
        store.answer(job, "sure", b"1")


def test_an_event_is_taken_by_the_step_that_waits_for_it(store: StoreWorld) -> None:
    claimed = waiting(store, event("go"))
    assert not store.send(claimed.job_id, "stop").taken
    assert store.send(claimed.job_id, "go", b"7").taken
    assert store.waits.of(store.claim(claimed.job_id, 1)).answer == b"7"


def test_an_event_that_came_before_is_kept(store: StoreWorld) -> None:
    job = store.submit()
    store.send(job, "go", b"1")
    store.send(job, "go", b"2")
    store.plan(job, use())
    store.record(store.claim(job, 1), Park(wait=event("go")))
    assert store.waits.of(store.claim(job, 1)).answer == b"1"


def test_a_sender_says_a_thing_once(store: StoreWorld) -> None:
    job = store.submit()
    store.send(job, sender="me")
    assert store.send(job, sender="me").how is Taken.REPLAYED
    with pytest.raises(KeyReused):
        store.send(job, "go", b"2", sender="me")


def test_an_ended_job_takes_no_events(store: StoreWorld) -> None:
    job = store.submit()
    store.stop(job)
    with pytest.raises(JobHasEnded):
        store.send(job)


def test_a_job_waits_only_when_all_that_is_open_waits(store: StoreWorld) -> None:
    job = store.submit()
    store.plan(job, use(), use())
    store.record(store.claim(job, 1), Park(wait=event()))
    assert store.facts(job).status == "running"
    assert store.join(store.claim(job, 2)).status == "waiting"


def test_a_child_answers_its_parent_with_what_it_gave_and_cost(store: StoreWorld) -> None:
    store.know_agent("demo", 5)
    wait = child(40)
    claimed = waiting(store, wait, allowance=100)
    assert store.facts(claimed.job_id).held == 40
    store.record(store.claim(child_id(wait)), FINISH)
    again = store.claim(claimed.job_id, 1)
    waited = store.waits.of(again)
    outcome = child_answered("demo", waited)
    store.record(still_holding(again, waited), Join(outcome=outcome, step=EVALUATE))
    after = store.facts(claimed.job_id)
    assert (after.held, after.spent, after.steps) == (0, 0, ["done", "done", "ready"])


def test_a_child_is_started_once(store: StoreWorld) -> None:
    store.know_agent("demo", 5)
    wait = child(40)
    claimed = waiting(store, wait, allowance=100)
    store.record(store.claim(child_id(wait)), FINISH)
    again = store.claim(claimed.job_id, 1)
    store.record(still_holding(again, store.waits.of(again)), Park(wait=wait))
    assert store.facts(claimed.job_id).held == 40
    assert store.waits.of(store.claim(claimed.job_id, 1)).answer is not None


@pytest.mark.parametrize(
    ("agent", "asked", "code"), [("demo", 200, "budget"), ("nobody", 10, "unknown_agent")]
)
def test_a_child_that_cannot_be_started_is_refused(
    store: StoreWorld, agent: str, asked: int, code: str
) -> None:
    store.know_agent("demo", 5)
    claimed = waiting(store, child(asked, agent=agent), allowance=100)
    waited = store.waits.of(store.claim(claimed.job_id, 1))
    assert getattr(child_answered(agent, waited), "code", "") == code


def test_a_child_ends_with_its_parent(store: StoreWorld) -> None:
    store.know_agent("demo", 0)
    wait = child()
    claimed = waiting(store, wait)
    store.stop(claimed.job_id)
    store.sweep()
    assert store.facts(child_id(wait)).status == "canceled"


def test_a_paused_job_does_nothing_until_it_is_resumed(store: StoreWorld) -> None:
    job = store.submit()
    store.plan(job, use(), use())
    claimed = store.claim(job, 1)
    assert store.pause(job) == "paused"
    assert store.try_claim(job, 2) is None
    store.join(claimed)
    assert store.facts(job).steps == ["done", "done", "paused"]
    assert store.resume(job) == "running"
    assert store.try_claim(job, 2) is not None
    assert store.facts(job).entries[2:] == ["step.completed", "paused", "step.completed", "resumed"]


def test_a_job_that_is_stopped_waits_for_what_is_being_done(store: StoreWorld) -> None:
    job = store.submit()
    store.plan(job, use(), use())
    claimed = store.claim(job, 1)
    assert store.stop(job) == "canceling"
    assert store.facts(job).steps == ["done", "claimed", "canceled"]
    assert store.join(claimed).status == "canceled"
    assert store.facts(job).entries[3:] == ["canceling", "step.completed", "canceled"]
    assert store.journal(job)[-1][2]["reason"] == "enough"


def test_a_job_may_be_stopped_at_once(store: StoreWorld) -> None:
    job = store.submit()
    claimed = store.claim(job)
    assert store.stop(job, now=True) == "canceled"
    assert store.record(claimed, FINISH).result is RecordResult.ENDED


def test_a_job_fails_at_its_deadline(store: StoreWorld) -> None:
    job = store.submit(deadline=A_WHILE)
    store.claim(job)
    store.pass_time(2 * A_WHILE)
    store.sweep()
    failed = store.facts(job)
    assert failed.error is not None
    assert (failed.status, failed.error["code"]) == ("failed", "deadline_exceeded")


def test_a_retry_of_a_job_that_is_stopped_is_its_end(store: StoreWorld) -> None:
    claimed = store.acting(EffectClass.PURE)
    store.stop(claimed.job_id)
    store.record(claimed, Park(wait=event()))
    assert store.facts(claimed.job_id).status == "canceled"


def test_an_unknown_job_takes_no_answer(store: StoreWorld) -> None:
    with pytest.raises(Exception, match="there is no job"):
        store.answer(JobId(uuid4()), "sure", b"1")


def test_a_child_may_be_given_what_its_parent_has_left(store: StoreWorld) -> None:
    store.know_agent("demo", 5)
    job_id = JobId(uuid4())
    begun = Child(job_id=job_id, agent="demo", input=b"{}", reserve_micro=20)
    waiting(store, Wait(kind=WaitKind.CHILD, key=str(job_id), child=begun), allowance=100)
    assert store.facts(job_id).allowance == 80


@pytest.mark.parametrize(("keeps", "held", "again"), [(True, 20, 0), (False, 0, 20)])
def test_a_wait_may_keep_what_its_step_holds(
    store: StoreWorld, *, keeps: bool, held: int, again: int
) -> None:
    job = store.submit(allowance=100)
    store.plan(job, use(hold=20))
    wait = Wait(kind=WaitKind.TIMER, key="", timeout=A_WHILE)
    store.record(store.claim(job, 1), Park(wait=wait, keeps_hold=keeps))
    assert store.facts(job).held == held
    store.pass_time(A_WHILE)
    assert store.claim(job, 1).hold_micro == again
