"""What is remembered: by whom, beside what, replaced by what, and taken back how."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest

from agent_workers.domain.errors import IllegalMove, JobNotFound, StateUnavailable, ToolError
from agent_workers.domain.ids import JobId, TenantId
from agent_workers.domain.memory import Known, MemoryNotFound, New
from agent_workers.state.memories import NAMES, Which
from agent_workers.state.memories_indexes import MemoryIndexes
from agent_workers.state.memories_search import MemorySearch, Namespace, index_name
from tests.integration.state.refusing import CHECK, FOREIGN, TRIGGER, refused
from tests.integration.state.remembering import School
from tests.integration.state.world import World

# Many times what an index looks at, most of them nearer than what is asked for, of other users.
_MANY_MORE = """
insert into memories (tenant_id, memory_id, user_id, content, content_hash, confidence, model,
                      embedding, job_id, position)
select tenant_id, gen_random_uuid(), 'user-' || n, content, content_hash, confidence, model,
       array[cos(radians(n * 0.7)), sin(radians(n * 0.7))], job_id, position
  from memories, generate_series(1, 200) n where memory_id = %s"""


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
        with pytest.raises(ToolError, match="no memory of this user that still counts"):
            school.look("coffee", corrects=gone)


def test_nobody_corrects_the_memory_of_another_user(school: School) -> None:
    tea = school.teach("tea", user="bob")
    with pytest.raises(ToolError, match="no memory of this user"):
        school.look("coffee", corrects=tea)


def test_what_is_corrected_meanwhile_undoes_the_step_so_that_it_looks_again(
    school: School,
) -> None:
    tea = school.teach("tea")
    late = school.look("Sofia", corrects=tea)
    school.teach("coffee", corrects=tea)
    with pytest.raises(StateUnavailable, match="remembered meanwhile"):
        school.write(late)


def test_what_is_known_corrects_nothing_but_itself(school: School) -> None:
    tea, coffee = school.teach("tea"), school.teach("coffee")
    assert school.look("tea", corrects=tea) == Known(tea)
    with pytest.raises(ToolError, match="remembered already"):
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
        with pytest.raises(StateUnavailable, match="remembered meanwhile"):
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
    assert school.rows.page(stranger, Which(history=True), limit=10) == []


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


def test_what_is_past_its_time_can_be_taught_anew(school: School, world: World) -> None:
    school.teach("tea", days=1)
    world.one("update memories set expires_at = now() where tenant_id = %s", world.tenant)
    school.teach("tea")
    assert school.all() == ["tea"]


@pytest.fixture
def index(world: World) -> Iterator[str]:
    """An index over the vectors of `Turned`, as `memory index` makes it."""
    School(world).teach("coffee", user="first")
    indexes = MemoryIndexes(world.database)
    indexes.make("turned")
    yield index_name("turned")
    indexes.drop("turned")


def test_by_an_index_the_filters_do_not_hide_what_is_there(
    school: School, world: World, index: str
) -> None:
    """Without looking on, the index would return the nearest of everybody, and filter those."""
    tea = school.teach("tea", user="bob")
    world.one(_MANY_MORE, tea)
    school.teach("coffee")
    school.teach("Sofia", subject="home")
    place = Namespace(tenant_id=world.tenant, user_id="ann")
    given = place.named | {"model": "turned", "vector": [1.0, 0.0], "limit": 2}
    with world.database.transaction() as connection:
        # So few rows would be read one by one; only what the index finds is of interest here.
        connection.execute("set local enable_seqscan = off; set local enable_sort = off")
        query = MemorySearch(world.database, exact_up_to=0).query(connection, given).encode()
        plan = connection.execute(b"explain " + query, given).fetchall()
        found = connection.execute(query, given).fetchall()
    assert index in str(plan)
    assert [row[NAMES.index("content")] for row in found] == ["coffee", "Sofia"]


def test_few_memories_are_all_compared_even_where_there_is_an_index(
    school: School, world: World, index: str
) -> None:
    school.teach("tea")
    given = {"tenant": world.tenant, "user": "ann", "model": "turned", "vector": [1.0, 0.0]}
    with world.database.transaction() as connection:
        connection.execute("set local enable_seqscan = off")
        query = MemorySearch(world.database).query(connection, given | {"limit": 2}).encode()
        plan = connection.execute(b"explain " + query, given | {"limit": 2}).fetchall()
    assert index not in str(plan)


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
