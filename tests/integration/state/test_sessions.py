"""Sessions: jobs take turns, and what they were asked and answered becomes what was said."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from agent_workers.domain import codec
from agent_workers.domain.claim import Onward
from agent_workers.domain.decision import Fail
from agent_workers.domain.errors import SessionBusy
from agent_workers.domain.ids import JobId
from agent_workers.domain.memory.session import OnBusy
from agent_workers.domain.step import GaveUp, Lane
from agent_workers.state.jobs.controls import Controls
from tests.integration.state.invariants import broken
from tests.integration.state.world import FINISH, World, use

S = "talk"
GIVE_UP = GaveUp(code="gave_up", message="no way")


@pytest.fixture(autouse=True)
def _whole(world: World) -> Iterator[None]:
    yield
    assert broken(world.database) == {}


def said(world: World, session: str = S) -> list[str]:
    found = world.one(
        "select array_agg(role || ' ' || convert_from(content, 'UTF8') order by turn, part)"
        " from session_messages where tenant_id = %s and session_id = %s",
        *(world.tenant, session),
    )
    return list(found or [])


def turn(world: World, job: JobId) -> str:
    return str(
        world.one(
            "select state from session_turns where tenant_id = %s and job_id = %s",
            *(world.tenant, job),
        )
    )


def keep(world: World) -> None:
    world.one("select keep_sessions(100)")


def test_a_second_job_waits_until_the_first_has_ended(world: World) -> None:
    first, second = world.submit(session=S), world.submit(session=S)
    assert world.claims.named(world.tenant, second, 0) is None
    world.record(world.claim(first), FINISH)
    world.record(world.claim(second), FINISH)


def test_the_worker_that_ends_a_job_gets_the_next_one_in_the_same_transaction(
    world: World,
) -> None:
    first, second = world.submit(session=S), world.submit(session=S)
    recorded = world.records.record(
        world.claim(first), FINISH, written=b"{}", onward=Onward(lanes=(Lane.PLAN,))
    )
    assert recorded.claimed is not None
    assert world.steps(second) == ["claimed"]


def test_jobs_of_other_sessions_and_tenants_do_not_wait(world: World) -> None:
    world.submit(session=S)
    other, none = world.submit(session="other"), world.submit()
    assert world.claim(other).session_id == "other"
    assert world.claim(none).session_id == ""


def _fail(world: World, job: JobId) -> None:
    decision = Fail(outcome=GIVE_UP, code="gave_up", message="no way")
    world.records.record(world.claim(job), decision, written=codec.encode(GIVE_UP))


def _cancel_at_work(world: World, job: JobId) -> None:
    claimed = world.claim(job)
    world.cancel(job)
    world.records.stand_down(claimed)


def _kill_while_canceling(world: World, job: JobId) -> None:
    claimed = world.claim(job)
    world.cancel(job)
    world.expire(claimed)
    world.sweeps.expired()


def _let_a_deadline_pass(world: World, job: JobId) -> None:
    world.one(
        "insert into timers (tenant_id, job_id, kind, due_at) values (%s, %s, 'deadline', now())",
        *(world.tenant, job),
    )
    world.sweeps.deadlines()


ENDS: dict[str, Callable[[World, JobId], object]] = {
    "succeeds": lambda world, job: world.record(world.claim(job), FINISH),
    "fails": _fail,
    "is canceled before it begins": lambda world, job: world.cancel(job),
    "is canceled at work": _cancel_at_work,
    "is killed while it is canceled": _kill_while_canceling,
    "passes its deadline": _let_a_deadline_pass,
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_whatever_way_a_job_ends_the_next_one_has_its_turn(
    world: World, end: Callable[[World, JobId], object]
) -> None:
    first, second = world.submit(session=S), world.submit(session=S)
    end(world, first)
    assert (turn(world, first), turn(world, second)) == ("over", "now")
    world.record(world.claim(second), FINISH)


def test_a_job_that_ends_while_it_waits_gives_no_turn_away(world: World) -> None:
    first, second, third = (world.submit(session=S) for _ in range(3))
    world.cancel(second)
    assert [turn(world, job) for job in (first, second, third)] == ["now", "over", "waiting"]
    world.record(world.claim(first), FINISH)
    assert turn(world, third) == "now"


def test_a_job_that_is_paused_while_it_waits_keeps_its_turn(world: World) -> None:
    first, second, third = (world.submit(session=S) for _ in range(3))
    world.pause(second)
    world.record(world.claim(first), FINISH)
    assert turn(world, third) == "waiting"
    world.control("resume_job", second)
    world.record(world.claim(second), FINISH)
    world.record(world.claim(third), FINISH)


def test_a_turn_that_cannot_be_given_at_once_is_given_by_the_keeper(world: World) -> None:
    first, second = world.submit(session=S), world.submit(session=S)
    claimed = world.claim(first)
    with world.database.transaction() as other:
        other.execute(
            "select 1 from steps where tenant_id = %s and job_id = %s for update",
            (world.tenant, second),
        )
        world.record(claimed, FINISH)
        assert turn(world, second) == "waiting"
    keep(world)
    world.record(world.claim(second), FINISH)


def test_who_sweeps_many_jobs_does_not_wait_for_a_session(world: World) -> None:
    job = world.submit(session=S)
    with world.database.transaction() as other:
        other.execute("select lock_session(%s, %s)", (world.tenant, S))
        _let_a_deadline_pass(world, job)
        assert world.status(job) == "queued"
    world.sweeps.deadlines()
    assert world.status(job) == "failed"


def test_input_and_answer_become_messages_in_the_order_of_their_turns(world: World) -> None:
    first = world.submit(session=S, said=b'"hello"')
    second = world.submit(session=S, said=b'"and then?"')
    assert said(world) == ['user "hello"', 'user "and then?"']
    world.record(world.claim(first), FINISH)
    assert said(world) == ['user "hello"', 'assistant "done"', 'user "and then?"']
    _fail(world, second)
    assert said(world)[3:] == []


def test_a_busy_session_refuses_a_job_that_was_not_to_wait_and_keeps_nothing_of_it(
    world: World,
) -> None:
    first = world.submit(session=S, on_busy=OnBusy.REJECT)
    with pytest.raises(SessionBusy, match="busy"):
        world.submit(session=S, on_busy=OnBusy.REJECT)
    assert len(said(world)) == 1
    world.record(world.claim(first), FINISH)
    world.submit(session=S, on_busy=OnBusy.REJECT)


def test_a_job_that_interrupts_ends_all_before_it_and_follows_them(world: World) -> None:
    first, second = world.submit(session=S), world.submit(session=S)
    claimed = world.claim(first)
    third = world.submit(session=S, on_busy=OnBusy.INTERRUPT)
    assert world.claims.named(world.tenant, third, 0) is None
    world.sweeps.deadlines()
    assert [world.status(job) for job in (first, second)] == ["canceled", "canceled"]
    world.record(claimed, FINISH)  # too late
    world.record(world.claim(third), FINISH)


def test_a_job_for_later_has_its_turn_and_its_time(world: World) -> None:
    first, second = world.submit(session=S), world.submit(session=S)
    later = timedelta(hours=1)
    world.one(
        "update session_turns set due_at = clock_timestamp() + %s where job_id = %s",
        *(later, second),
    )
    world.record(world.claim(first), FINISH)
    assert turn(world, second) == "now"
    assert world.claims.named(world.tenant, second, 0) is None
    assert world.step(second, 0, "due_at") < world.now() + later


def test_what_was_cleared_stays_cleared(world: World) -> None:
    first, second = world.submit(session=S), world.submit(session=S)
    claimed = world.claim(first)
    assert world.one("select clear_session(%s, %s)", world.tenant, S)
    world.record(claimed, FINISH)
    assert said(world) == []
    world.record(world.claim(second), FINISH)
    assert said(world) == []
    assert world.one("select clear_session(%s, %s)", world.tenant, S)
    assert not world.one("select clear_session(%s, %s)", world.tenant, S)


def test_a_session_that_nobody_uses_is_forgotten(world: World) -> None:
    first = world.submit(session=S, said=b'"old"')
    world.one("update sessions set used_at = '2000-01-01', look_at = '2000-01-01'")
    keep(world)
    assert said(world) == ['user "old"'], "a live job keeps its session"
    world.record(world.claim(first), FINISH)
    world.one("update sessions set used_at = '2000-01-01'")
    world.submit(session=S, said=b'"new"')
    assert said(world) == ['user "new"'], "a new job begins anew, keeper or not"
    world.end_all()
    world.one("update sessions set used_at = '2000-01-01', look_at = '2000-01-01'")
    keep(world)
    assert world.one("select count(*) from sessions where tenant_id = %s", world.tenant) == 0


def test_who_cancels_a_job_knows_for_whom_to_ring(world: World) -> None:
    first, second = world.submit(session=S), world.submit(session=S)
    changed = Controls(world.database).stop(world.tenant, first, reason="enough", now=False)
    assert [(due.job_id, due.position) for due in changed.due] == [(second, 0)]


def test_the_second_of_two_steps_does_not_end_a_turn(world: World) -> None:
    first, second = world.submit(session=S), world.submit(session=S)
    world.plan(first, use())
    assert turn(world, second) == "waiting"
