"""The tables of knowledge: documents that agents may search, and their chunks with vectors."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, REAL, TSVECTOR

from agent_workers.state.tables import metadata, when

knowledge_documents = Table(
    "knowledge_documents",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    # What its user calls it: the path as it was typed.
    Column("source", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("content_hash", LargeBinary, nullable=False),
    Column("model", Text, nullable=False),
    Column("dimensions", Integer, nullable=False),
    Column("chunks", Integer, nullable=False),
    when("added_at", required=True),
    when("updated_at", required=True),
    UniqueConstraint("tenant_id", "content_hash", name="knowledge_documents_content_key"),
    # What a chunk points at: all vectors of a document are of one model and one length.
    UniqueConstraint(
        "tenant_id", "source", "model", "dimensions", name="knowledge_documents_model_key"
    ),
    CheckConstraint(
        "octet_length(source) between 1 and 1024 and octet_length(title) <= 1024", name="source"
    ),
    CheckConstraint("kind in ('text', 'markdown', 'html', 'pdf')", name="kind"),
    CheckConstraint("octet_length(content_hash) = 32 and bytes > 0", name="content_hash"),
    CheckConstraint("model <> '' and dimensions between 1 and 16000", name="model"),
    CheckConstraint("chunks between 1 and 10000", name="chunks"),
)

knowledge_chunks = Table(
    "knowledge_chunks",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("chunk_id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("heading", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("dimensions", Integer, nullable=False),
    Column("embedding", ARRAY(REAL), nullable=False),
    Column("words", TSVECTOR, nullable=False),
    UniqueConstraint("tenant_id", "source", "number", name="knowledge_chunks_number_key"),
    ForeignKeyConstraint(
        ["tenant_id", "source", "model", "dimensions"],
        [
            "knowledge_documents.tenant_id",
            "knowledge_documents.source",
            "knowledge_documents.model",
            "knowledge_documents.dimensions",
        ],
        name="knowledge_chunks_document_fkey",
        ondelete="CASCADE",
    ),
    CheckConstraint("chunk_id ~ '^doc_[0-9a-f]{16}$'", name="chunk_id"),
    CheckConstraint("number between 0 and 9999", name="number"),
    CheckConstraint(
        "octet_length(content) between 1 and 16384 and octet_length(heading) <= 4096",
        name="content",
    ),
    CheckConstraint(
        "array_ndims(embedding) = 1 and cardinality(embedding) = dimensions"
        " and array_position(embedding, null) is null"
        " and array_position(embedding, 'NaN') is null",
        name="embedding",
    ),
)
Index("knowledge_chunks_words_idx", knowledge_chunks.c.words, postgresql_using="gin")
