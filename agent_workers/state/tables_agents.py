"""The tables of agents, and of their versions."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from agent_workers.state.tables import count, metadata, when

agents = Table(
    "agents",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", Text, nullable=False),
    Column("plan_timeout_ms", Integer, nullable=False),
    count("plan_hold_micro", BigInteger),
    Column("definition", JSONB, nullable=False, server_default=text("'{}'")),
    when("registered_at", required=True),
    # Set: an operator retired it, and no new job may be submitted for it.
    when("retired_at"),
    # Of the last worker that had it, once that has ended; a running one reports it.
    when("last_seen_at"),
    Column("last_seen_on", Text),
)
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
