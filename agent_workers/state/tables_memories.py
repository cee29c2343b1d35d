"""The table of memories: what agents were told to remember, and what replaced it."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, REAL

from agent_workers.state.tables import metadata, when

memories = Table(
    "memories",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("memory_id", Uuid, primary_key=True),
    # Whose it is: '' is of the jobs that have no user.
    Column("user_id", Text, nullable=False, server_default=""),
    Column("subject", Text, nullable=False, server_default=""),
    Column("content", Text, nullable=False),
    # Of what was said without regard to case, spacing and the marks around it.
    Column("content_hash", LargeBinary, nullable=False),
    Column("confidence", REAL, nullable=False),
    Column("model", Text, nullable=False),
    Column("embedding", ARRAY(REAL), nullable=False),
    # The step that taught it.
    Column("job_id", Uuid, nullable=False),
    Column("position", Integer, nullable=False),
    when("created_at", required=True),
    when("expires_at"),
    Column("superseded_by", Uuid),
    when("superseded_at"),
    UniqueConstraint("tenant_id", "user_id", "memory_id", name="memories_namespace_key"),
    ForeignKeyConstraint(
        ["tenant_id", "job_id"], ["jobs.tenant_id", "jobs.job_id"], ondelete="CASCADE"
    ),
    # What is forgotten takes along what it had replaced; taking back a job restores that first.
    ForeignKeyConstraint(
        ["tenant_id", "user_id", "superseded_by"],
        ["memories.tenant_id", "memories.user_id", "memories.memory_id"],
        ondelete="CASCADE",
    ),
    CheckConstraint(
        "content <> '' and octet_length(content) <= 8192 and octet_length(subject) <= 512",
        name="content",
    ),
    CheckConstraint("octet_length(content_hash) = 32", name="content_hash"),
    CheckConstraint("confidence > 0 and confidence <= 1", name="confidence"),
    CheckConstraint("model <> '' and cardinality(embedding) between 1 and 16000", name="embedding"),
    CheckConstraint(
        "(superseded_by is null) = (superseded_at is null) and superseded_by <> memory_id",
        name="superseded",
    ),
    Index(None, "tenant_id", "job_id"),
    Index(None, "tenant_id", "user_id", "created_at"),
)
Index(
    "memories_known_idx",
    memories.c.tenant_id,
    memories.c.user_id,
    memories.c.content_hash,
    unique=True,
    postgresql_where=text("superseded_by is null"),
)
Index(
    "memories_model_idx",
    memories.c.tenant_id,
    memories.c.user_id,
    memories.c.model,
    postgresql_where=text("superseded_by is null"),
)
Index(
    "memories_superseded_idx",
    memories.c.tenant_id,
    memories.c.user_id,
    memories.c.superseded_by,
    postgresql_where=text("superseded_by is not null"),
)
Index(
    "memories_expires_idx",
    memories.c.expires_at,
    postgresql_where=text("expires_at is not null"),
)
