"""The tables of batches: a batch, and its items with the jobs that they became."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from agent_workers.state.tables import count, metadata, when

_ENDED = "('completed','failed','canceled','expired')"

batches = Table(
    "batches",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("batch_id", Uuid, primary_key=True),
    Column("status", Text, nullable=False, server_default="open"),
    Column("stop_as", Text),  # what it ends as, once it is being stopped
    Column("reason", Text),
    Column("concurrency", Integer, nullable=False),
    Column("on_error", Text, nullable=False),
    # Some item has an allowance: only the keeper admits jobs that budgets have to be asked for.
    Column("costs", Boolean, nullable=False, server_default=text("false")),
    Column("template", JSONB, nullable=False, server_default=text("'{}'")),
    Column("metadata", JSONB, nullable=False, server_default=text("'{}'")),
    count("item_count"),
    count("last_number"),
    Column("counts", JSONB),  # of items by status, written when it ends
    when("created_at", required=True),
    when("started_at"),
    when("finished_at"),
    when("deadline_at"),
    when("look_at", required=True),  # when the keeper looks at it next
    CheckConstraint(
        "status in ('open','running','stopping','completed','failed','canceled','expired')",
        name="status",
    ),
    CheckConstraint("(stop_as is null) or stop_as in ('failed','canceled','expired')", name="stop"),
    CheckConstraint(f"(finished_at is not null) = (status in {_ENDED})", name="finished"),
    CheckConstraint("concurrency > 0", name="concurrency"),
    CheckConstraint("on_error in ('continue','stop')", name="on_error"),
)
Index("batches_created_at_idx", batches.c.tenant_id, batches.c.created_at, batches.c.batch_id)
Index("batches_look_idx", batches.c.look_at, postgresql_where=text("finished_at is null"))

batch_items = Table(
    "batch_items",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("batch_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("custom_id", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="pending"),
    Column("agent", Text, nullable=False),
    Column("input", LargeBinary, nullable=False),  # emptied when its job has it
    Column("options", JSONB, nullable=False, server_default=text("'{}'")),
    Column("job_id", Uuid),
    ForeignKeyConstraint(["tenant_id", "batch_id"], ["batches.tenant_id", "batches.batch_id"]),
    CheckConstraint(
        "status in ('pending','running','succeeded','failed','canceled')", name="status"
    ),
    postgresql_with={"fillfactor": 90, "autovacuum_vacuum_scale_factor": 0.02},
)
# No two indexes begin alike: see the SQL.
_place = (batch_items.c.tenant_id, batch_items.c.batch_id)
Index("batch_items_status_idx", batch_items.c.status, *_place, batch_items.c.number)
Index("batch_items_custom_id_idx", batch_items.c.custom_id, *_place, unique=True)
