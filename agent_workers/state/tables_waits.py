"""The tables of waits, and of the messages that jobs are sent."""

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
    Uuid,
    text,
)

from agent_workers.state.tables import count, metadata, when

waits = Table(
    "waits",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("prompt", LargeBinary, nullable=False),
    Column("child_id", Uuid),
    count("held_micro", BigInteger),
    Column("answer", LargeBinary),
    when("created_at", required=True),
    when("expires_at"),
    when("answered_at"),
    ForeignKeyConstraint(
        ["tenant_id", "job_id", "position"],
        ["steps.tenant_id", "steps.job_id", "steps.position"],
        name="waits_tenant_id_job_id_position_fkey",
    ),
    CheckConstraint(
        "kind in ('child', 'event', 'person', 'timer', 'breaker', 'place', 'worker')",
        name="kind",
    ),
    CheckConstraint("(answer is null) = (answered_at is null)", name="answer"),
)
Index(
    "waits_key_idx",
    waits.c.tenant_id,
    waits.c.kind,
    waits.c.key,
    postgresql_where=text("answered_at is null"),
)
Index(
    "waits_child_idx",
    waits.c.tenant_id,
    waits.c.child_id,
    postgresql_where=text("child_id is not null"),
)

Index(
    "waits_worker_idx",
    waits.c.key,
    waits.c.expires_at,
    postgresql_where=text("kind = 'worker' and answered_at is null"),
)
messages = Table(
    "messages",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    # Who sent it, once: a job and a position, or the key of a request.
    Column("sender", Text, nullable=False),
    when("sent_at", required=True),
    Column("taken_by", Integer),
    UniqueConstraint("tenant_id", "job_id", "sender", name="messages_sender_key"),
)
Index(
    "messages_name_idx",
    messages.c.tenant_id,
    messages.c.job_id,
    messages.c.name,
    messages.c.number,
    postgresql_where=text("taken_by is null"),
)
