"""The tables of workspaces: the files of a job, and how much they are together."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)

from agent_workers.state.tables import count, metadata, when

workspaces = Table(
    "workspaces",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    count("files"),
    count("bytes", BigInteger),
    ForeignKeyConstraint(
        ["tenant_id", "job_id"], ["jobs.tenant_id", "jobs.job_id"], ondelete="CASCADE"
    ),
    CheckConstraint("files between 0 and 1000", name="files"),
    CheckConstraint("bytes between 0 and 4294967296", name="bytes"),
)

workspace_files = Table(
    "workspace_files",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("path", Text(collation="C"), primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("etag", Text, nullable=False),
    Column("is_text", Boolean, nullable=False),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("written_by", Integer, nullable=False),
    when("created_at", required=True),
    when("updated_at", required=True),
    ForeignKeyConstraint(
        ["tenant_id", "job_id"], ["workspaces.tenant_id", "workspaces.job_id"], ondelete="CASCADE"
    ),
    CheckConstraint(
        r"octet_length(path) between 1 and 512 and path !~ '(^|/)\.{0,2}(/|$)'"
        r" and path !~ '[\x01-\x1f\x7f\\]'",
        name="path",
    ),
    CheckConstraint("bytes = octet_length(content) and bytes <= 16777216", name="bytes"),
    CheckConstraint("etag = left(encode(sha256(content), 'hex'), 32)", name="etag"),
    CheckConstraint("version > 0", name="version"),
)
