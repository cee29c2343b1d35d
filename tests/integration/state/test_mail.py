"""Events between jobs, and answers of people: each is taken once, and none is lost."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest

from agent_workers.domain.errors import JobNotFound, KeyReused, QuotaReached
from agent_workers.domain.ids import JobId
from agent_workers.domain.mail import (
    AnsweredOtherwise,
    JobHasEnded,
    NoSuchQuestion,
    NotAChoice,
    QuestionClosed,
    Taken,
)
from agent_workers.state.jobs.messages import Mail
from tests.integration.state.invariants import broken
from tests.integration.state.refusing import TRIGGER, change, expect
from tests.integration.state.waiting import A_DAY, engaging, event, park, person, send, waited
from tests.integration.state.world import EVALUATE, JOIN, World, use

SOON = timedelta(milliseconds=1)


@pytest.fixture(autouse=True)
def _whole(world: World) -> Iterator[None]:
    yield
    assert broken(world.database) == {}


def test_an_event_wakes_the_step_that_waits_for_it(world: World) -> None:
    claimed = engaging(world)
    assert park(world, claimed, event()).status == "waiting"
    assert send(world, claimed.job_id, "other").taken is False
    sent = send(world, claimed.job_id, data=b'{"n":1}')
    assert [(due.job_id, due.position) for due in sent.due] == [(claimed.job_id, 1)]
    assert waited(world, world.claim(claimed.job_id, 1)).answer == b'{"n":1}'
    assert world.journal(claimed.job_id)[-2:] == ["waiting", "resumed"]


def test_an_event_is_kept_until_somebody_waits_and_the_first_is_taken_first(world: World) -> None:
    job = world.submit()
    world.plan(job, use(), use(), use())
    for data in (b"1", b"2"):
        assert send(world, job, data=data).taken is False
    answers = []
    for position in (1, 2):
        park(world, world.claim(job, position), event())
        answers.append(waited(world, world.claim(job, position)).answer)
    assert answers == [b"1", b"2"]


def test_events_that_nobody_waits_for_are_not_kept_without_end(world: World) -> None:
    job = world.submit()
    for number in range(4):
        send(world, job, data=b"x" * (4 << 20), sender=str(number))
    with pytest.raises(QuotaReached, match="are already waiting for this job"):
        send(world, job, sender="one more")
    assert send(world, job, data=b"x" * (4 << 20), sender="3").how is Taken.REPLAYED
    world.plan(job, use())
    park(world, world.claim(job, 1), event())
    assert send(world, job, sender="one more").how is Taken.SENT


def test_a_step_that_sends_again_has_sent_once(world: World) -> None:
    job = world.submit()
    first = send(world, job, sender="job_x:1")
    again = send(world, job, sender="job_x:1")
    assert (first.how, again.how, first.number, again.number) == (
        *(Taken.SENT, Taken.REPLAYED),
        *(1, 1),
    )
    with pytest.raises(KeyReused):
        send(world, job, data=b"2", sender="job_x:1")


def test_an_unknown_or_ended_job_takes_no_event(world: World) -> None:
    with pytest.raises(JobNotFound):
        send(world, JobId(uuid4()))
    job = world.submit()
    world.cancel(job)
    with pytest.raises(JobHasEnded):
        send(world, job)


def test_sending_to_a_job_that_waited_in_vain_often_looks_at_none_of_those(world: World) -> None:
    job = world.submit()
    world.plan(job, *[use()] * 300)
    for position in range(1, 300):
        park(world, world.claim(job, position), event())
    # As if each of them had waited in vain, and was done.
    world.one(
        "update steps set status = 'claimed', fence = 9, claimed_by = gen_random_uuid(),"
        " lease_until = clock_timestamp() where job_id = %s and position between 1 and 298",
        job,
    )
    world.one(
        "update steps set status = 'done', outcome_type = 'tool_failed', outcome = '{}',"
        " lease_until = null, done_at = clock_timestamp()"
        " where job_id = %s and position between 1 and 298",
        job,
    )
    world.one("update jobs set open_steps = 2 where job_id = %s", job)
    with world.database.transaction() as blocking:
        blocking.execute(
            b"select from steps where job_id = %s and position < 299 for update", (job,)
        )
        sent = send(world, job)
    assert [due.position for due in sent.due] == [299]


def test_an_event_that_comes_as_its_wait_runs_out_is_left_for_the_next(world: World) -> None:
    claimed = engaging(world)
    park(world, claimed, event(timeout=SOON))
    world.one("select pg_sleep(0.01)")
    late = world.claim(claimed.job_id, 1)
    assert send(world, claimed.job_id).taken is False
    assert (waited(world, late).answer, waited(world, late).timed_out) == (None, True)
    assert park(world, late, event()).result == "recorded"
    assert waited(world, world.claim(claimed.job_id, 1)).answer == b"1"


def test_an_event_for_a_paused_job_is_found_after_it_is_resumed(world: World) -> None:
    claimed = engaging(world)
    park(world, claimed, event())
    world.pause(claimed.job_id)
    assert send(world, claimed.job_id).due == ()
    world.control("resume_job", claimed.job_id)
    assert waited(world, world.claim(claimed.job_id, 1)).answer == b"1"


def test_a_message_stays_what_it_was(world: World) -> None:
    job = world.submit()
    send(world, job)
    where = "tenant_id = %s and job_id = %s"
    for what in ("data = '2'", "name = 'x'", "sender = 'x'", "number = 7"):
        expect(change(world, "messages", what, where, world.tenant, job), TRIGGER, "taken once")
    world.one("update messages set taken_by = 1 where job_id = %s", job)
    refused = change(world, "messages", "taken_by = 2", where, world.tenant, job)
    expect(refused, TRIGGER, "taken once")


# --- people ---------------------------------------------------------------------------------


def answer(world: World, job: JobId, key: str = "sure", value: bytes = b'"yes"') -> list[object]:
    return [*Mail(world.database).answer(world.tenant, job, {key: value}, by="key:x")]


def test_an_answer_ends_the_wait_in_its_own_transaction(world: World) -> None:
    claimed = engaging(world)
    park(world, claimed, person())
    assert len(answer(world, claimed.job_id)) == 1
    assert world.status(claimed.job_id) == "running"
    assert world.journal(claimed.job_id)[-1] == "answered"
    assert waited(world, world.claim(claimed.job_id, 1)).answer == b'"yes"'


def test_the_same_answer_again_changes_nothing_and_another_is_refused(world: World) -> None:
    claimed = engaging(world)
    park(world, claimed, person())
    answer(world, claimed.job_id)
    assert answer(world, claimed.job_id) == []
    with pytest.raises(AnsweredOtherwise):
        answer(world, claimed.job_id, value=b'"no"')
    world.record(world.claim(claimed.job_id, 1), JOIN)
    assert answer(world, claimed.job_id) == []
    assert world.journal(claimed.job_id).count("answered") == 1


def test_an_answer_is_one_of_the_choices(world: World) -> None:
    claimed = engaging(world)
    park(world, claimed, person("sure", None, "yes", "no"))
    for wrong in (b'"maybe"', b"null", b'["yes"]'):
        with pytest.raises(NotAChoice):
            answer(world, claimed.job_id, value=wrong)
    answer(world, claimed.job_id, value=b'"no"')


def test_answers_come_all_or_none(world: World) -> None:
    job = world.submit()
    world.plan(job, use(), use())
    for position, key in ((1, "a"), (2, "b")):
        park(world, world.claim(job, position), person(key))
    with pytest.raises(NoSuchQuestion):
        Mail(world.database).answer(world.tenant, job, {"a": b"1", "c": b"2"}, by="x")
    assert world.status(job) == "waiting"
    rings = Mail(world.database).answer(world.tenant, job, {"a": b"1", "b": b"2"}, by="x")
    assert sorted(ring.position for ring in rings) == [1, 2]


def test_a_question_closes_when_its_time_is_over_or_its_job_has_ended(world: World) -> None:
    over, ended = engaging(world), engaging(world)
    park(world, over, person(timeout=SOON))
    park(world, ended, person(timeout=A_DAY))
    world.one("select pg_sleep(0.01)")
    world.cancel(ended.job_id)
    with pytest.raises(QuestionClosed):
        answer(world, over.job_id)
    with pytest.raises(JobHasEnded):
        answer(world, ended.job_id)
    with pytest.raises(JobNotFound):
        answer(world, JobId(uuid4()))


def test_a_job_waits_once_all_that_is_left_of_it_waits(world: World) -> None:
    job = world.submit()
    world.plan(job, use(), use(), use())
    first, second, third = (world.claim(job, position) for position in (1, 2, 3))
    assert park(world, first, person()).status == "running"
    assert world.record(second, JOIN).status == "running"
    assert world.record(third, JOIN).status == "waiting"
    answer(world, job)
    recorded = world.record(world.claim(job, 1), JOIN)
    assert (recorded.status, recorded.open_steps) == ("running", 1)
    assert world.step(job, 4, "kind") == EVALUATE.kind


def test_an_answer_that_was_given_stays(world: World) -> None:
    claimed = engaging(world)
    park(world, claimed, person())
    answer(world, claimed.job_id)
    where = "tenant_id = %s and job_id = %s"
    for what in ("answer = '2'", "answer = null, answered_at = null", "kind = 'breaker'"):
        refused = change(world, "waits", what, where, world.tenant, claimed.job_id)
        expect(refused, TRIGGER, "given once")


def test_a_wait_is_said_to_whoever_looks(world: World) -> None:
    claimed = engaging(world)
    park(world, claimed, person("sure", A_DAY, "yes"))
    said = world.one("select waiting_for(%s, %s, 1)::jsonb", world.tenant, claimed.job_id)
    assert [(one["position"], one["kind"], one["key"]) for one in said] == [(1, "person", "sure")]
    assert said[0]["prompt"] == {"question": "Sure?", "choices": ["yes"]}
    assert said[0]["since"] < said[0]["until"]
    answer(world, claimed.job_id)
    assert world.one("select waiting_for(%s, %s, 1)", world.tenant, claimed.job_id) == "[]"
