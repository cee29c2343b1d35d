"""The tables of schedules: when they fire next, and one row for each tick that did or did not."""

from sqlalchemy import (
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

from agent_workers.domain.schedules.target import LARGEST_TARGET
from agent_workers.state.tables import metadata, when

schedules = Table(
    "schedules",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("schedule_id", Uuid, primary_key=True),
    Column("name", Text, nullable=False, server_default=""),
    Column("type", Text, nullable=False),
    Column("expression", Text),
    Column("timezone", Text, nullable=False, server_default="UTC"),
    Column("interval_s", Integer),
    when("run_at"),
    when("start_at"),
    when("end_at"),
    Column("status", Text, nullable=False, server_default="active"),
    Column("overlap", Text, nullable=False, server_default="skip"),
    Column("catch_up", Text, nullable=False, server_default="last"),
    Column("catch_up_window_s", Integer, nullable=False, server_default=text("86400")),
    Column("jitter_s", Integer, nullable=False, server_default=text("0")),
    Column("target", LargeBinary, nullable=False),
    Column("metadata", JSONB, nullable=False, server_default=text("'{}'")),
    when("next_fire_at"),
    when("last_fire_at"),
    Column("version", Integer, nullable=False, server_default=text("1")),
    when("created_at", required=True),
    when("updated_at", required=True),
    CheckConstraint("type in ('cron','interval','once')", name="type"),
    CheckConstraint("status in ('active','paused','completed')", name="status"),
    CheckConstraint("overlap in ('skip','queue','cancel_running','allow')", name="overlap"),
    CheckConstraint("catch_up in ('none','last','all')", name="catch_up"),
    CheckConstraint(f"octet_length(target) <= {LARGEST_TARGET}", name="target"),
    CheckConstraint("(status = 'active') = (next_fire_at is not null)", name="next_fire"),
    CheckConstraint(
        "(type = 'cron') = (expression is not null)"
        " and (type = 'interval') = (interval_s is not null)"
        " and (type = 'once') = (run_at is not null)",
        name="rule",
    ),
)
Index(
    "schedules_due_idx",
    schedules.c.next_fire_at,
    postgresql_where=schedules.c.status == "active",
)
Index(
    "schedules_created_at_idx",
    schedules.c.tenant_id,
    schedules.c.created_at,
    schedules.c.schedule_id,
)

schedule_runs = Table(
    "schedule_runs",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("schedule_id", Uuid, primary_key=True),
    Column("fire_at", schedules.c.created_at.type, primary_key=True),
    Column("origin", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    when("skipped_until"),  # a skipped row may stand for all ticks from fire_at to here
    Column("job_id", Uuid),
    Column("batch_id", Uuid),
    when("created_at", required=True),
    when("started_at"),
    ForeignKeyConstraint(
        ["tenant_id", "schedule_id"],
        ["schedules.tenant_id", "schedules.schedule_id"],
        ondelete="CASCADE",
    ),
    CheckConstraint("origin in ('schedule','trigger','backfill')", name="origin"),
    CheckConstraint("state in ('waiting','started','ended','skipped','failed')", name="state"),
    CheckConstraint(
        "(state in ('started','ended')) = (num_nonnulls(job_id, batch_id) = 1)", name="started"
    ),
    CheckConstraint("(state in ('skipped','failed')) = (reason is not null)", name="reason"),
)
Index(
    "schedule_runs_live_idx",
    schedule_runs.c.tenant_id,
    schedule_runs.c.schedule_id,
    schedule_runs.c.state,
    postgresql_where=text("state in ('waiting','started')"),
)
