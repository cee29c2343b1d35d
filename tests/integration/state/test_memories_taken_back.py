"""What a job taught is taken back; what is forgotten or past its time goes for good."""

import pytest

from agent_workers.domain.errors import IllegalMove, JobNotFound
from agent_workers.domain.ids import TenantId
from agent_workers.domain.memory.memory import Known, MemoryNotFound, New
from agent_workers.state.memories.rows import Which
from tests.integration.state.remembering import School
from tests.integration.state.world import World


@pytest.fixture
def school(world: World) -> School:
    return School(world)


def test_taking_back_a_job_lets_count_again_what_it_had_replaced(school: School) -> None:
    job = school.world.submit()
    school.teach("tea")
    school.teach("green tea", job=job)
    school.teach("Sofia", job=job, subject="home")
    school.end(job)
    assert school.unlearn(job) == (2, 1)
    assert school.known() == ["tea"]
    assert school.unlearn(job) == (0, 0)


def test_taking_back_from_the_middle_of_a_line_leaves_its_end(school: School) -> None:
    middle, last = school.world.submit(), school.world.submit()
    school.teach("tea")
    school.teach("green tea", job=middle)
    school.teach("white tea", job=last)
    school.end(middle)
    school.end(last)
    assert school.unlearn(middle) == (1, 0)
    assert school.known() == ["white tea"]
    assert school.unlearn(last) == (1, 1)
    assert school.known() == ["tea"]


def test_taking_back_a_job_that_replaced_its_own_words_restores_what_was_before(
    school: School,
) -> None:
    job = school.world.submit()
    school.teach("tea")
    school.teach("green tea", job=job)
    school.teach("white tea", job=job)
    school.end(job)
    assert school.unlearn(job) == (2, 1)
    assert school.known() == ["tea"]


def test_taking_back_a_job_takes_back_what_its_child_jobs_taught(
    school: School, world: World
) -> None:
    parent, child, grandchild, other = (world.submit() for _ in range(4))
    for job, above in ((child, parent), (grandchild, child)):
        world.one("update jobs set parent_id = %s where job_id = %s", above, job)
    school.teach("tea", job=other)
    school.teach("green tea", job=child)
    school.teach("white tea", job=grandchild)
    for job in (parent, child):
        school.end(job)
    with pytest.raises(IllegalMove):
        school.unlearn(parent)
    school.end(grandchild)
    assert school.unlearn(parent) == (2, 1)
    assert school.known() == ["tea"]


def test_words_that_were_taught_again_count_once_when_a_job_is_taken_back(
    school: School, world: World
) -> None:
    job = world.submit()
    school.teach("tea")
    school.teach("green tea", job=job)
    # By another model, so that it replaces nothing.
    School(world, model="other", position=100).teach("tea")
    school.end(job)
    assert school.unlearn(job) == (1, 0)
    assert (school.known(), school.all()) == (["tea"], ["tea", "tea"])


def test_a_correction_that_went_back_to_the_old_words_is_taken_back_in_any_order(
    school: School,
) -> None:
    first, corrected, back = (school.world.submit() for _ in range(3))
    for job, words in ((first, "tea"), (corrected, "green tea"), (back, "tea")):
        school.teach(words, job=job)
        school.end(job)
    assert school.unlearn(corrected) == (1, 0)
    assert school.unlearn(back) == (1, 1)
    assert (school.known(), school.all()) == (["tea"], ["tea"])
    assert school.unlearn(first) == (1, 0)
    assert school.all() == []


def test_a_job_that_runs_may_teach_more_and_is_not_taken_back(school: School) -> None:
    job = school.world.submit()
    school.teach("tea", job=job)
    with pytest.raises(IllegalMove, match="cancel it first"):
        school.unlearn(job)
    with pytest.raises(JobNotFound):
        school.rows.unlearn_job(TenantId("stranger"), job)


def test_purging_a_job_takes_back_what_it_taught(school: School, world: World) -> None:
    job = world.submit()
    school.teach("tea")
    school.teach("green tea", job=job)
    with world.database.transaction() as connection:
        # As a purge will have to: nothing else may delete what a job did.
        connection.execute("set local session_replication_role = replica")
        connection.execute("delete from steps where job_id = %s", (job,))
        connection.execute("delete from journal where job_id = %s", (job,))
        connection.execute("set local session_replication_role = origin")
        connection.execute("delete from jobs where job_id = %s", (job,))
    assert school.known() == ["tea"]


def test_what_is_forgotten_does_not_bring_back_what_it_had_replaced(school: School) -> None:
    school.teach("tea")
    green = school.teach("green tea")
    school.rows.forget(school.world.tenant, green)
    assert school.all() == []
    with pytest.raises(MemoryNotFound):
        school.rows.forget(school.world.tenant, green)


def test_another_tenant_can_neither_see_nor_forget(school: School) -> None:
    tea, stranger = school.teach("tea"), TenantId("stranger")
    for look in (school.rows.one, school.rows.forget):
        with pytest.raises(MemoryNotFound):
            look(stranger, tea)
    assert school.rows.replaced_by(stranger, tea) == []
    assert school.rows.page(stranger, Which(history=True), limit=10).rows == []


def test_forgetting_a_user_leaves_no_word_of_them(school: School) -> None:
    school.teach("tea")
    school.teach("green tea")
    school.teach("coffee", user="bob")
    assert school.rows.forget_user(school.world.tenant, "ann") == 2
    assert school.all() == ["coffee"]


def test_what_is_past_its_time_is_not_found_and_goes(school: School, world: World) -> None:
    school.teach("tea", days=1)
    world.one("update memories set expires_at = now() where tenant_id = %s", world.tenant)
    assert (school.recall().found, school.known()) == ([], [])
    assert school.rows.forget_expired(most=1_000) >= 1
    assert school.all() == []


def test_what_was_to_be_forgotten_is_kept_for_as_long_as_it_is_said_anew(school: School) -> None:
    job = school.world.submit()
    soon = school.teach("tea", days=2)
    assert isinstance(school.look("tea", days=1), Known)
    later = school.look("tea", days=9, job=job)
    assert isinstance(later, New)
    assert later.replaces == [soon]
    school.write(later)
    for_ever = school.teach("tea", job=job)
    assert school.look("tea") == Known(for_ever)
    assert (school.known(), school.all()) == (["tea"], ["tea"] * 3)
    school.end(job)
    assert school.unlearn(job) == (2, 1)
    assert (school.known(), school.all()) == (["tea"], ["tea"])


def test_what_is_past_its_time_can_be_taught_anew(school: School, world: World) -> None:
    school.teach("tea", days=1)
    world.one("update memories set expires_at = now() where tenant_id = %s", world.tenant)
    school.teach("tea")
    assert school.all() == ["tea"]
