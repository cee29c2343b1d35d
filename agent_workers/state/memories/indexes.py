"""The index over the vectors of one model, and vectors that are of another model than is in use."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from agent_workers.domain.errors import AgentWorkersError
from agent_workers.state.database.engine import Connection, Database
from agent_workers.state.knowledge.vectors import needing_vectors, schema_of_vectors
from agent_workers.state.memories.search import index_name, literal

# What pgvector's HNSW takes of the plain vector type.
_MOST_DIMENSIONS: Final = 2_000
_DIMENSIONS = "select cardinality(embedding) from memories where model = %s limit 1"
_MODELS = "select model, count(*) from memories group by model order by count(*) desc"
_STALE = """
select tenant_id, memory_id, subject, content, model from memories
 where model <> %s and (tenant_id, memory_id) > (%s, %s)
 order by tenant_id, memory_id limit %s"""
# Only what still is as it was read: whoever embeds at the same time comes to the same vector.
_RENEW = """
update memories m set model = %s, embedding = n.embedding
  from (select * from jsonb_to_recordset(%s::jsonb) as r (tenant_id text, memory_id uuid,
        old text, embedding real[])) n
 where m.tenant_id = n.tenant_id and m.memory_id = n.memory_id and m.model = n.old"""


class NotIndexed(AgentWorkersError):
    """These vectors cannot have an index."""

    code = "not_indexed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """A memory whose vector is of another model."""

    tenant_id: str
    memory_id: UUID
    subject: str
    content: str
    model: str


class MemoryIndexes:
    def __init__(self, database: Database) -> None:
        self._database = database

    def make(self, model: str) -> str:
        """Make the index, without keeping anybody from remembering meanwhile."""
        with needing_vectors(), self._database.alone() as connection:
            dimensions = _dimensions(connection, model)
            vectors = schema_of_vectors(connection)
            connection.execute("set statement_timeout = 0")
            connection.execute("set lock_timeout = 0")
            # One that was cut short is left behind invalid.
            connection.execute(f"drop index concurrently if exists {index_name(model)}".encode())
            connection.execute(
                f"create index concurrently {index_name(model)} on memories using hnsw"
                f" ((embedding::{vectors}.vector({dimensions})) {vectors}.vector_cosine_ops)"
                f" where model = {literal(model)} and superseded_by is null"
                f" and cardinality(embedding) = {dimensions}".encode()
            )
        return index_name(model)

    def drop(self, model: str) -> None:
        with self._database.alone() as connection:
            connection.execute("set lock_timeout = 0")
            connection.execute(f"drop index concurrently if exists {index_name(model)}".encode())

    def models(self) -> dict[str, int]:
        """Count the vectors of each model, over all tenants."""
        with self._database.connection() as connection:
            return {str(row[0]): int(row[1]) for row in connection.execute(_MODELS)}

    def stale(self, model: str, *, behind: tuple[str, UUID], limit: int) -> list[Stale]:
        """Return memories whose vectors are of other models than this one, in order."""
        with self._database.connection() as connection:
            rows = connection.execute(_STALE, (model, *behind, limit)).fetchall()
        return [
            Stale(
                tenant_id=tenant, memory_id=memory_id, subject=subject, content=content, model=old
            )
            for tenant, memory_id, subject, content, old in rows
        ]

    def renew(self, model: str, renewed: Sequence[tuple[Stale, Sequence[float]]]) -> int:
        """Write the vectors of this model in place of the old ones."""
        rows = [
            {
                "tenant_id": stale.tenant_id,
                "memory_id": str(stale.memory_id),
                "old": stale.model,
                "embedding": list(vector),
            }
            for stale, vector in renewed
        ]
        with self._database.connection() as connection:
            return connection.execute(_RENEW, (model, json.dumps(rows))).rowcount


def _dimensions(connection: Connection, model: str) -> int:
    row = connection.execute(_DIMENSIONS, (model,)).fetchone()
    if row is None:
        raise NotIndexed(f"there is no memory with a vector of {model!r} yet: nothing to index")
    if row[0] > _MOST_DIMENSIONS:
        raise NotIndexed(
            f"{model!r} has {row[0]} dimensions; an index takes at most {_MOST_DIMENSIONS}"
        )
    return int(row[0])
