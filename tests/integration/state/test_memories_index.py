"""Recall by an index: what it finds, and when it is asked at all."""

from argparse import Namespace
from collections.abc import Iterator, Sequence

import pytest

from agent_workers.cli.doctor.vectors import check_vectors
from agent_workers.cli.memory.command import reembed
from agent_workers.cli.memory.place import Place
from agent_workers.domain.memory.embedding import EmbeddingAway
from agent_workers.domain.tools.facility import NotInstalled
from agent_workers.settings import Settings
from agent_workers.state.memories import search as memories_search
from agent_workers.state.memories.indexes import MemoryIndexes
from agent_workers.state.memories.rows import NAMES
from agent_workers.state.memories.search import MemorySearch, index_name
from agent_workers.terminal.findings import Level
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
    place = memories_search.Namespace(tenant_id=world.tenant, user_id="ann")
    given = place.named | {"model": "turned", "vector": [1.0, 0.0], "limit": 2}
    with world.database.transaction() as connection:
        # So few rows would be read one by one; only what the index finds is of interest here.
        connection.execute("set local enable_seqscan = off; set local enable_sort = off")
        query = MemorySearch(world.database, exact_up_to=0).query(connection, given).encode()
        plan = connection.execute(b"explain " + query, given).fetchall()
        found = connection.execute(query, given).fetchall()
    assert index in str(plan)
    assert [row[NAMES.index("content")] for row in found] == ["coffee", "Sofia"]


def test_without_pgvector_recall_says_what_to_do_and_remembering_goes_on(
    school: School, world: World
) -> None:
    world.one("drop extension vector cascade")
    try:
        school.teach("tea")
        with pytest.raises(NotInstalled, match="run `create extension vector`"):
            school.recall()
        found = list(check_vectors(Settings(embedding_model="hashed"), world.database))
    finally:
        world.one("create extension vector")
    assert [one.level for one in found] == [Level.WARN, Level.WARN]
    assert "no pgvector" in found[0].line
    assert "agent-workers memory reembed" in found[1].line


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


class Tired:
    """Embeds so many texts, and then its provider is away."""

    model = "tired"

    def __init__(self, lasts: int) -> None:
        self.lasts = lasts

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.lasts -= len(texts)
        if self.lasts < 0:
            raise EmbeddingAway("no answer")
        return [[0.0, 1.0, 0.0] for _ in texts]


def test_making_vectors_anew_goes_on_where_it_was_cut_short(
    school: School, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.one(_MANY_MORE, school.teach("tea", user="bob"))
    stale = "select count(*) from memories where model <> 'tired'"
    all_of_them, tired = world.one(stale), Tired(100)
    place = Place(database=world.database, rows=school.rows, embedder=tired, tenant_id=world.tenant)
    with pytest.raises(EmbeddingAway):
        reembed(place, Namespace())
    assert world.one(stale) == all_of_them - 64
    tired.lasts = all_of_them
    assert reembed(place, Namespace()) == 0
    assert (world.one(stale), tired.lasts) == (0, 64)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"recomputed the vectors of {all_of_them - 64} memories with tired"


def test_a_doctor_names_an_embedding_model_that_cannot_work(world: World) -> None:
    found = check_vectors(Settings(embedding_model="openai/none"), world.database)
    [line] = [one.line for one in found if one.level is Level.FAIL]
    assert "AGENT_EMBEDDING_MODEL: model 'openai/none' is not in the price table" in line
