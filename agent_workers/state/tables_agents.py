"""The table of the versions of agents."""

from sqlalchemy import Boolean, CheckConstraint, Column, Index, Table, Text
from sqlalchemy.dialects.postgresql import JSONB

from agent_workers.state.tables import metadata, when

agent_versions = Table(
    "agent_versions",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("declared", Boolean, nullable=False),
    Column("digest", Text, nullable=False),
    Column("definition", JSONB, nullable=False),
    Column("source", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    when("created_at", required=True),
    CheckConstraint("version <> ''", name="version"),
    CheckConstraint("source in ('yaml', 'python')", name="source"),
)
Index("agent_versions_name_idx", agent_versions.c.name)
