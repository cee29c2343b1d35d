"""Recall: the memories of one namespace that are nearest to a vector, exactly or by an index."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from agent_workers.domain.ids import TenantId
from agent_workers.domain.memory.memory import NEAR, Recalled, Recollection
from agent_workers.state.database.engine import Connection, Database
from agent_workers.state.knowledge.vectors import needing_vectors, schema_of_vectors
from agent_workers.state.memories.rows import COLUMNS, LIVE, NAMES, memory_of

# Up to so many memories of one namespace each is compared, even where there is an index.
EXACT_UP_TO: Final = 10_000
# A provider may change how long its vectors are without changing their name.
_LENGTH = "cardinality(m.embedding) = cardinality(%(vector)s::real[])"
_HERE = f"m.tenant_id = %(tenant)s and m.user_id = %(user)s and {LIVE}"
# Without a dimension, so that no index of `memory index` fits: this compares every one. What is told
# is what was sorted by: computed once for each.
_EXACT = f"""
select {COLUMNS}, 1 - m.distance as score from (
  select {COLUMNS}, m.embedding::PG.vector operator(PG.<=>) %(vector)s::real[]::PG.vector as distance
    from memories m where {_HERE} and m.model = %(model)s and {_LENGTH}
   order by distance, m.memory_id limit %(limit)s) m
 order by m.distance, m.memory_id"""
_NEAREST = f"""
select {COLUMNS},
       1 - (m.embedding::PG.vector(DIM)
            operator(PG.<=>) %(vector)s::real[]::PG.vector(DIM)) as score
  from memories m where {_HERE} and m.model = MODEL and cardinality(m.embedding) = DIM
 order by m.embedding::PG.vector(DIM) operator(PG.<=>) %(vector)s::real[]::PG.vector(DIM)
 limit %(limit)s"""
# As two ranges, so that an index of models answers it: mostly there is nothing to count.
_UNSEARCHED = f"""
select count(*) from memories m
 where {_HERE} and (m.model < %(model)s or m.model > %(model)s)"""
_MANY = """
select count(*) from (
  select from memories where tenant_id = %(tenant)s and user_id = %(user)s and model = %(model)s
     and superseded_by is null limit %(most)s) counted"""
_INDEX = """
select indisvalid from pg_index where indexrelid = to_regclass(%s)"""
_KNOWN = f"""
select m.memory_id from memories m
 where m.tenant_id = %(tenant)s and m.user_id = %(user)s and m.content_hash = %(hash)s and {LIVE}
   and (m.expires_at is null
        or m.expires_at >= clock_timestamp() + (%(days)s::int - 1) * interval '1 day')"""
_REPLACED = """
select replaced_memories(jsonb_populate_record(null::memories, %(memory)s::jsonb),
                         %(corrects)s, %(near)s)"""
_COUNTS = f"select 1 from memories m where {_HERE} and m.memory_id = %(id)s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    tenant_id: TenantId
    user_id: str

    @property
    def named(self) -> dict[str, object]:
        return {"tenant": self.tenant_id, "user": self.user_id}


class MemorySearch:
    """Looks into one namespace at a time; vectors of two models are never compared."""

    def __init__(self, database: Database, *, exact_up_to: int = EXACT_UP_TO) -> None:
        self._database = database
        self._exact_up_to = exact_up_to

    def nearest(
        self, place: Namespace, model: str, vector: Sequence[float], *, limit: int
    ) -> Recollection:
        """Return what is nearest; from so many memories on by the index, where there is one."""
        given = place.named | {"model": model, "vector": list(vector), "limit": limit}
        with needing_vectors(), self._database.transaction() as connection:
            query = self.query(connection, given)
            rows = connection.execute(query.encode(), given).fetchall()
            others = connection.execute(_UNSEARCHED.encode(), given).fetchone()
        found = [
            Recalled(memory=memory_of(row[: len(NAMES)]), score=float(row[-1])) for row in rows
        ]
        return Recollection(found=found, unsearched=int(others[0]) if others else 0)

    def known(self, place: Namespace, meaning_hash: bytes, *, days: int | None) -> UUID | None:
        """Return the memory that says exactly this already, to within a day for as long."""
        given = place.named | {"hash": meaning_hash, "days": days}
        with self._database.connection() as connection:
            row = connection.execute(_KNOWN.encode(), given).fetchone()
        return None if row is None else row[0]

    def counts(self, place: Namespace, memory_id: UUID) -> bool:
        """Say whether this is a memory of the namespace that nothing has replaced."""
        given = place.named | {"id": memory_id}
        with self._database.connection() as connection:
            return connection.execute(_COUNTS.encode(), given).fetchone() is not None

    def replaced(self, memory: str, corrects: UUID | None) -> list[UUID]:
        """Return what a new memory, as JSON, would replace; this needs no pgvector."""
        given = {"memory": memory, "corrects": corrects, "near": NEAR}
        with self._database.connection() as connection:
            row = connection.execute(_REPLACED.encode(), given).fetchone()
        assert row is not None
        found: list[UUID] = row[0]
        return found

    def query(self, connection: Connection, given: dict[str, object]) -> str:
        """Choose how to look: through all, or by the index once there are too many."""
        model, vector = str(given["model"]), given["vector"]
        assert isinstance(vector, list)
        vectors = schema_of_vectors(connection).replace("%", "%%")
        exact = _EXACT.replace("PG.", f"{vectors}.")
        row = connection.execute(_INDEX, (index_name(model),)).fetchone()
        if row is None or not row[0]:
            return exact
        most = given | {"most": self._exact_up_to + 1}
        many = connection.execute(_MANY.encode(), most).fetchone()
        if many is None or many[0] <= self._exact_up_to:
            return exact
        # A filter behind an index may leave too few of what it found: then it looks on, in order.
        connection.execute("set local hnsw.iterative_scan = strict_order")
        connection.execute("set local hnsw.ef_search = 200")
        named = literal(model).replace("%", "%%")  # what follows is a query with parameters
        nearest = _NEAREST.replace("PG.", f"{vectors}.").replace("DIM", str(len(vector)))
        return nearest.replace("MODEL", named)


def index_name(model: str) -> str:
    """The name of the index over the vectors of one model."""
    return f"memories_hnsw_{hashlib.sha256(model.encode()).hexdigest()[:12]}"


def literal(text: str) -> str:
    """Write a text as SQL: a partial index is only used when the query names its very condition."""
    return "'" + text.replace("'", "''") + "'"
