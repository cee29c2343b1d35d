"""Documents in the database: kept with their chunks in one transaction, found by words and vectors."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg.errors

from agent_workers.domain.ids import TenantId
from agent_workers.domain.memory.knowledge import (
    Chunk,
    Document,
    DocumentSeen,
    Hit,
    Kind,
    Question,
    Vectors,
)
from agent_workers.state.database.engine import Connection, Database
from agent_workers.state.knowledge.vectors import needing_vectors, schema_of_vectors

_FIELDS = "source title kind bytes chunks model added_at updated_at".split()
_COLUMNS = ", ".join(_FIELDS)
_ALL = f"select {_COLUMNS} from knowledge_documents where tenant_id = %s order by source"
_KNOWN = """
select source, model from knowledge_documents
 where tenant_id = %s and content_hash = %s and source <> %s
 union all
select source, model from knowledge_documents
 where tenant_id = %s and content_hash = %s and source = %s"""
_CLEAR = "delete from knowledge_chunks where tenant_id = %s and source = %s"
_KEEP = """
insert into knowledge_documents as d
  (tenant_id, source, title, kind, bytes, content_hash, model, dimensions, chunks)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
on conflict (tenant_id, source) do update
   set title = excluded.title, kind = excluded.kind, bytes = excluded.bytes,
       content_hash = excluded.content_hash, model = excluded.model,
       dimensions = excluded.dimensions, chunks = excluded.chunks,
       updated_at = clock_timestamp()"""
_CHUNK = """
insert into knowledge_chunks
  (tenant_id, source, model, dimensions, number, chunk_id, heading, content, embedding)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s)"""
_CHUNKS = """
select number, chunk_id, heading, content from knowledge_chunks
 where tenant_id = %s and source = %s order by number"""
_REMOVE = (
    "delete from knowledge_documents where tenant_id = %s and source = any(%s) returning source"
)
_OTHERS = "select exists (select from knowledge_documents where tenant_id = %s and model <> %s)"
_OTHER_MODELS = """
select source, title, kind, bytes, content_hash from knowledge_documents
 where tenant_id = %s and model <> %s order by source"""
_IS_SAME = """
select from knowledge_documents where tenant_id = %s and source = %s and content_hash = %s"""
# Whoever adds the same document waits here, before anything else is locked.
_LOCK = "select pg_advisory_xact_lock(hashtextextended(%s || E'\\x1f' || %s, 4712))"
# The places in two lists, not their scores, say how good a chunk is: scores of words and of
# meaning cannot be compared (reciprocal rank fusion). Whoever asks in a sentence does not mean all
# of its words: one is enough, and the rarer it is in these documents, the more it counts.
_SEARCH = """
with asked as materialized (
  select lexeme, query_of_lexeme(lexeme) as query
    from unnest(to_tsvector('english', %(text)s))
), hits as materialized (
  select chunk_id, sqrt(ts_rank(words, query, 1)) as weight, count(*) over (partition by lexeme) as n
    from asked join knowledge_chunks on words @@ query where tenant_id = %(tenant_id)s
), every as (
  select count(*)::float8 as n from knowledge_chunks where tenant_id = %(tenant_id)s
), said as (
  select chunk_id, row_number() over (order by score desc, chunk_id) as place from (
    select chunk_id, sum(weight * ln(1 + (every.n - hits.n + 0.5) / (hits.n + 0.5))) as score
      from hits, every group by chunk_id order by score desc, chunk_id limit %(pool)s) s
), near as (
  select chunk_id, distance, row_number() over (order by distance, chunk_id) as place from (
    select chunk_id, embedding::PG.vector operator(PG.<#>) %(vector)s::real[]::PG.vector as distance
      from knowledge_chunks
     where tenant_id = %(tenant_id)s and model = %(model)s and dimensions = %(dimensions)s
     order by distance, chunk_id limit %(pool)s) n
), found as (
  select chunk_id, -near.distance as similarity,
         coalesce(1.0 / (60 + near.place), 0) + coalesce(1.0 / (60 + said.place), 0) as score
    from near full join said using (chunk_id)
   order by score desc, chunk_id limit %(limit)s
)
select c.chunk_id, c.source, d.title, c.heading, c.content, found.similarity
  from found join knowledge_chunks c on c.tenant_id = %(tenant_id)s and c.chunk_id = found.chunk_id
  join knowledge_documents d on d.tenant_id = c.tenant_id and d.source = c.source
 order by found.score desc, c.chunk_id"""
_POOL = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A document with the same content is there already."""

    source: str
    model: str


class Documents:
    """The documents of every tenant, for those who load them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def known(self, tenant_id: TenantId, source: str, content_hash: bytes) -> Known | None:
        """Find a document with this content: another one first, then this one itself."""
        place = (tenant_id, content_hash, source)
        with self._database.connection() as connection:
            row = connection.execute(_KNOWN, (*place, *place)).fetchone()
        return None if row is None else Known(source=row[0], model=row[1])

    def keep(self, tenant_id: TenantId, document: Document, vectors: Vectors) -> bool:
        """Keep a document in place of what had its name; not if another has its content."""
        try:
            with self._database.transaction() as connection:
                _lock(connection, tenant_id, document.source)
                _keep(connection, tenant_id, document, vectors)
        except psycopg.errors.UniqueViolation as error:
            if error.diag.constraint_name != "knowledge_documents_content_key":
                raise
            return False
        return True

    def keep_again(self, tenant_id: TenantId, document: Document, vectors: Vectors) -> bool:
        """Give a document other vectors, unless it has changed or gone meanwhile."""
        same = (tenant_id, document.source, document.content_hash)
        with self._database.transaction() as connection:
            _lock(connection, tenant_id, document.source)
            if connection.execute(_IS_SAME, same).fetchone() is None:
                return False
            _keep(connection, tenant_id, document, vectors)
        return True

    def of_other_models(self, tenant_id: TenantId, model: str) -> list[Document]:
        """Return what has no vectors of this model, without its chunks."""
        with self._database.connection() as connection:
            rows = connection.execute(_OTHER_MODELS, (tenant_id, model)).fetchall()
        return [
            Document(source=s, title=t, kind=Kind(k), bytes=b, content_hash=h, chunks=())
            for s, t, k, b, h in rows
        ]

    def all(self, tenant_id: TenantId) -> list[DocumentSeen]:
        with self._database.connection() as connection:
            rows = connection.execute(_ALL, (tenant_id,)).fetchall()
        return [DocumentSeen(**dict(zip(_FIELDS, row, strict=True))) for row in rows]

    def chunks(self, tenant_id: TenantId, source: str) -> list[Chunk]:
        with self._database.connection() as connection:
            rows = connection.execute(_CHUNKS, (tenant_id, source)).fetchall()
        return [Chunk(number=n, chunk_id=i, heading=h, content=c) for n, i, h, c in rows]

    def remove(self, tenant_id: TenantId, sources: Sequence[str]) -> list[str]:
        """Remove documents with their chunks; returns those that were there."""
        with self._database.connection() as connection:
            rows = connection.execute(_REMOVE, (tenant_id, list(sources))).fetchall()
        return sorted(source for (source,) in rows)

    def search(self, tenant_id: TenantId, question: Question) -> list[Hit]:
        asked = {
            "tenant_id": tenant_id,
            "text": question.text,
            "vector": list(question.vector),
            "model": question.model,
            "dimensions": len(question.vector),
            "pool": _POOL,
            "limit": question.limit,
        }
        with self._database.connection() as connection, needing_vectors():
            vectors = schema_of_vectors(connection).replace("%", "%%")
            query = _SEARCH.replace("PG.", f"{vectors}.")
            rows = connection.execute(query.encode(), asked).fetchall()
        return [
            Hit(chunk_id=i, source=s, title=t, heading=h, content=c, similarity=near)
            for i, s, t, h, c, near in rows
        ]

    def has_others(self, tenant_id: TenantId, model: str) -> bool:
        with self._database.connection() as connection:
            row = connection.execute(_OTHERS, (tenant_id, model)).fetchone()
        return bool(row and row[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantKnowledge:
    """What one tenant's jobs may search."""

    documents: Documents
    tenant_id: TenantId

    def search(self, question: Question) -> Sequence[Hit]:
        return self.documents.search(self.tenant_id, question)

    def has_others(self, model: str) -> bool:
        return self.documents.has_others(self.tenant_id, model)


def _lock(connection: Connection, tenant_id: TenantId, source: str) -> None:
    connection.execute(_LOCK, (tenant_id, source))


def _keep(
    connection: Connection, tenant_id: TenantId, document: Document, vectors: Vectors
) -> None:
    chunks, dimensions = document.chunks, len(vectors.rows[0])
    place = (tenant_id, document.source)
    about = (document.title, document.kind, document.bytes, document.content_hash)
    connection.execute(_CLEAR, place)
    connection.execute(_KEEP, (*place, *about, vectors.model, dimensions, len(chunks)))
    with connection.cursor() as cursor:
        cursor.executemany(
            _CHUNK,
            [
                (*place, vectors.model, dimensions, c.number, c.chunk_id, c.heading, c.content, row)
                for c, row in zip(chunks, vectors.rows, strict=True)
            ],
        )
