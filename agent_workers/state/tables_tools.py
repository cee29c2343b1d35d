"""The tables of the tools that workers have, and of places among a tool's calls."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from agent_workers.state.tables import metadata, when
from agent_workers.state.tables_waits import waits

tools = Table(
    "tools",
    metadata,
    Column("name", Text, primary_key=True),
    Column("definition", JSONB, nullable=False),
    when("registered_at", required=True),
    # When a worker that has it last started.
    when("seen_at", required=True),
    CheckConstraint("jsonb_typeof(definition) = 'object'", name="definition"),
    CheckConstraint("seen_at >= registered_at", name="seen"),
)
# A tool's places belong to all tenants together: what it protects does not know of tenants.
tool_places = Table(
    "tool_places",
    metadata,
    Column("tool", Text, primary_key=True),
    Column("tenant_id", Text, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("fence", Integer, primary_key=True),
    # Null: kept for a tenant, one of whose calls was woken.
    Column("worker_id", Uuid),
    # Its worker holds a lock that dies with it: whoever finds it gone knows that the call is over.
    Column("registered", Boolean, nullable=False),
    when("taken_at", required=True),
    Column("free_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("free_at > taken_at", name="free"),
)
Index(
    "waits_place_idx",
    waits.c.key,
    waits.c.tenant_id,
    waits.c.created_at,
    postgresql_where=text("kind = 'place' and answered_at is null"),
)
