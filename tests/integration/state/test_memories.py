"""What is remembered: by whom, beside what, replaced by what, and taken back how."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest

from agent_workers.domain.errors import FacilityError, StateUnavailable
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.memory.memory import Known, New
from tests.integration.state.refusing import CHECK, FOREIGN, TRIGGER, refused
from tests.integration.state.remembering import School
from tests.integration.state.world import World


@pytest.fixture
def school(world: World) -> School:
    return School(world)


def test_what_was_taught_is_recalled_with_its_source_the_nearest_first(school: School) -> None:
    job = school.world.submit()
    tea = school.teach("tea", job=job)
    school.teach("Sofia", subject="home", job=job)
    found = school.recall().found
    assert [one.memory.content for one in found] == ["tea", "Sofia"]
    assert (found[0].memory.memory_id, found[0].memory.job_id) == (tea, job)
    assert found[0].score == pytest.approx(1)


def test_nobody_recalls_what_is_of_another_user_or_tenant(school: School, world: World) -> None:
    school.teach("tea", user="ann")
    school.teach("coffee", user="")
    stranger = World(world.database, TenantId("stranger"))
    assert [one.memory.content for one in school.recall().found] == ["tea"]
    assert [one.memory.content for one in school.recall(user="").found] == ["coffee"]
    assert school.recall(user="bob").found == []
    assert School(stranger).recall().found == []


def test_the_same_in_other_letters_is_known_already(school: School) -> None:
    tea = school.teach("tea")
    for again in ("Tea", '  "tea".', "TEA!"):
        assert school.look(again) == Known(tea)
    assert isinstance(school.look("tea", subject="smell"), New)
    assert isinstance(school.look("tea", user="bob"), New)


def test_what_is_nearly_the_same_of_one_subject_replaces_the_older(school: School) -> None:
    tea = school.teach("tea")
    school.teach("coffee")
    green = school.look("green tea")
    assert isinstance(green, New)
    assert list(green.replaces) == [tea]
    school.write(green)
    assert school.known() == ["coffee", "green tea"]
    assert [one.memory.content for one in school.recall().found] == ["green tea", "coffee"]
    line = school.rows.replaced_by(school.world.tenant, green.memory_id)
    assert [one.content for one in line] == ["tea"]


@pytest.mark.parametrize("subject", ["smell", ""])
def test_what_is_of_another_subject_or_of_none_replaces_nothing(school: School, subject) -> None:
    school.teach("tea", subject=subject)
    school.teach("green tea", subject="")
    assert school.known() == ["green tea", "tea"]


def test_what_differs_in_a_number_is_not_the_same_however_near(school: School) -> None:
    school.teach("table 7")
    school.teach("table 8")
    assert school.known() == ["table 7", "table 8"]


def test_what_says_that_it_corrects_a_memory_replaces_it_however_far(school: School) -> None:
    tea = school.teach("tea")
    school.teach("Sofia", subject="", corrects=tea)
    assert school.known() == ["Sofia"]
    for gone in (tea, uuid4()):
        with pytest.raises(FacilityError, match="not a current memory of this user"):
            school.look("coffee", corrects=gone)


def test_nobody_corrects_the_memory_of_another_user(school: School) -> None:
    tea = school.teach("tea", user="bob")
    with pytest.raises(FacilityError, match="not a current memory of this user"):
        school.look("coffee", corrects=tea)


def test_what_is_corrected_meanwhile_undoes_the_step_so_that_it_looks_again(
    school: School,
) -> None:
    tea = school.teach("tea")
    late = school.look("Sofia", corrects=tea)
    school.teach("coffee", corrects=tea)
    with pytest.raises(StateUnavailable, match="memory was written meanwhile"):
        school.write(late)


def test_what_is_known_corrects_nothing_but_itself(school: School) -> None:
    tea, coffee = school.teach("tea"), school.teach("coffee")
    assert school.look("tea", corrects=tea) == Known(tea)
    with pytest.raises(FacilityError, match="remembered already"):
        school.look("tea", corrects=coffee)


def test_vectors_of_two_models_are_never_compared(school: School, world: World) -> None:
    school.teach("tea")
    other = School(world, model="other", position=100)
    assert isinstance(other.look("green tea"), New)
    other.teach("green tea")
    found = other.recall()
    assert [one.memory.content for one in found.found] == ["green tea"]
    assert found.unsearched == 1


def test_what_was_taught_meanwhile_undoes_the_step_so_that_it_looks_again(school: School) -> None:
    first, second, third = school.look("tea"), school.look("tea"), school.look("green tea")
    school.write(first)
    for late in (second, third):
        with pytest.raises(StateUnavailable, match="memory was written meanwhile"):
            school.write(late)
    school.teach("green tea")
    assert school.known() == ["green tea"]


def test_of_many_who_teach_one_thing_at_once_one_does(school: School) -> None:
    looks = [school.look("tea") for _ in range(6)]

    def write(look: Known | New) -> bool:
        try:
            school.write(look)
        except StateUnavailable:
            return False
        return True

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(write, looks)) == 1
    assert school.known() == ["tea"]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("content = 'coffee'", TRIGGER),
        ("user_id = 'bob'", TRIGGER),
        ("job_id = gen_random_uuid()", TRIGGER),
        ("superseded_by = memory_id, superseded_at = now()", CHECK),
        ("superseded_by = gen_random_uuid(), superseded_at = now()", FOREIGN),
        ("superseded_at = now()", CHECK),
        ("embedding = '{}'", CHECK),
    ],
)
def test_the_database_refuses_what_may_never_be(
    school: School, world: World, change, error
) -> None:
    tea = school.teach("tea")
    assert (
        refused(world, f"update memories set {change} where memory_id = %s", tea).sqlstate == error
    )


def test_a_memory_is_not_replaced_by_one_of_another_user(school: School, world: World) -> None:
    tea, other = school.teach("tea"), school.teach("tea", user="bob")
    replace = "update memories set superseded_by = %s, superseded_at = now() where memory_id = %s"
    assert refused(world, replace, other, tea).sqlstate == FOREIGN


def test_the_words_of_a_job_that_never_was_are_not_kept(school: School) -> None:
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        school.teach("tea", job=JobId(uuid4()))
