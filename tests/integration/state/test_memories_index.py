"""Recall by an index: what it finds, and when it is asked at all."""

from collections.abc import Iterator

import pytest

from agent_workers.state.memories import NAMES
from agent_workers.state.memories_indexes import MemoryIndexes
from agent_workers.state.memories_search import MemorySearch, Namespace, index_name
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
