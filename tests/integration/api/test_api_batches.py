"""Jobs that were put together into one transaction stand or fall alone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

from agent_workers.domain.claim import Due
from agent_workers.domain.errors import StateUnavailable
from agent_workers.domain.ids import JobId
from agent_workers.domain.job import Submission
from agent_workers.orchestration.requests.submit import Submit
from agent_workers.state.database.engine import Database
from agent_workers.state.jobs.submissions import NotStored, Pace, Submissions
from tests.integration.state.world import World

PACE = Pace(plan_timeout_ms=60_000, plan_hold_micro=0)


class Bell:
    """Remembers what was rung."""

    def __init__(self) -> None:
        self.rung: list[JobId] = []

    def __call__(self, due: Sequence[Due], *, parent: str | None) -> None:
        assert parent is None
        self.rung += [one.job_id for one in due]


def a_job(world: World) -> Submission:
    return Submission(tenant_id=world.tenant, job_id=JobId(uuid4()), agent="demo", input=b'"hello"')


def test_a_job_that_the_database_refuses_fails_alone(world: World):
    good, bad, also_good = a_job(world), replace(a_job(world), agent="de\0mo"), a_job(world)
    bell = Bell()
    submit = Submit(Submissions(world.database), ring=bell)
    answers = submit.many([(one, PACE) for one in (good, bad, also_good)])
    assert isinstance(answers[0], datetime)
    assert isinstance(answers[1], NotStored)
    assert isinstance(answers[2], datetime)
    assert bell.rung == [good.job_id, also_good.job_id]
    assert world.one("select count(*) from jobs where tenant_id = %s", world.tenant) == 2


def test_a_batch_whose_answer_was_lost_is_not_stored_twice(world: World):
    submissions, job = Submissions(world.database), a_job(world)
    [first] = submissions.many([(job, PACE)])
    again = submissions.many([(job, PACE), (a_job(world), PACE)])
    assert again[0] == first
    assert world.journal(job.job_id) == ["queued"]


def test_without_a_database_each_is_told_so(world: World):
    nowhere = Submissions(Database("postgresql://nobody@127.0.0.1:1/none"))
    bell = Bell()
    answers = Submit(nowhere, ring=bell).many([(a_job(world), PACE)] * 3)
    assert [type(answer) for answer in answers] == [StateUnavailable] * 3
    assert bell.rung == []


def test_a_job_for_later_is_not_rung_now(world: World):
    bell = Bell()
    later = replace(a_job(world), delay=timedelta(hours=1))
    Submit(Submissions(world.database), ring=bell).many([(later, PACE)])
    assert bell.rung == []
