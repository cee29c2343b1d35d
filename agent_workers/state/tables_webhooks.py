"""The tables of webhooks: who wants to know, what was announced, and every attempt to deliver it."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from agent_workers.state.tables import metadata, when

_zero, _one = text("0"), text("1")

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("endpoint_id", Uuid, primary_key=True),
    Column("name", Text, nullable=False, server_default=""),
    Column("url", Text, nullable=False),
    Column("event_types", ARRAY(Text), nullable=False),
    Column("payload", Text, nullable=False, server_default="thin"),
    Column("status", Text, nullable=False, server_default="enabled"),
    Column("disabled_reason", Text),
    when("disabled_at"),
    # Secrets are derived from the installation's pepper: what is kept is which one is in use.
    Column("secret_version", Integer, nullable=False, server_default=_one),
    when("old_secret_until"),
    when("created_at", required=True),
    CheckConstraint("payload in ('thin','full')", name="payload"),
    CheckConstraint("status in ('enabled','disabled')", name="status"),
    CheckConstraint("(status = 'disabled') = (disabled_at is not null)", name="disabled"),
    CheckConstraint("secret_version >= 1", name="version"),
)

webhook_events = Table(
    "webhook_events",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False, server_default=""),
    Column("job_id", Uuid),
    Column("data", JSONB, nullable=False),
    # JSON that others wrote, untouched: it may hold what jsonb refuses.
    Column("detail", LargeBinary),
    when("created_at", required=True),
)
Index("webhook_events_created_at_idx", webhook_events.c.tenant_id, webhook_events.c.created_at)
Index("webhook_events_age_idx", webhook_events.c.created_at, postgresql_using="brin")

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("delivery_id", Uuid, primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("event_type", Text, nullable=False),
    # Whom a slow answer holds up: the endpoint, or the origin of a callback's URL.
    Column("target_id", Uuid, nullable=False),
    Column("endpoint_id", Uuid),
    Column("url", Text),
    Column("job_id", Uuid),
    Column("status", Text, nullable=False, server_default="pending"),
    Column("fence", Integer, nullable=False, server_default=_zero),
    Column("tries", Integer, nullable=False, server_default=_zero),
    # Found after the others: its target is unsure, or it waits for its next attempt.
    Column("behind", Boolean, nullable=False, server_default=text("false")),
    when("due_at", required=True),
    when("lease_until"),
    Column("last_status_code", Integer),
    Column("last_error", Text),
    when("created_at", required=True),
    when("finished_at"),
    CheckConstraint("status in ('pending','sending','succeeded','failed')", name="status"),
    CheckConstraint("(status = 'sending') = (lease_until is not null)", name="lease"),
    CheckConstraint(
        "(status in ('succeeded','failed')) = (finished_at is not null)", name="finished"
    ),
    CheckConstraint("(endpoint_id is null) = (url is not null)", name="target"),
)
_d = webhook_deliveries.c
Index(
    "webhook_deliveries_due_idx",
    _d.tenant_id,
    _d.target_id,
    _d.due_at,
    postgresql_where=_d.status == "pending",
)
Index(
    "webhook_deliveries_fresh_idx",
    _d.tenant_id,
    _d.target_id,
    _d.due_at,
    postgresql_where=text("status = 'pending' and not behind"),
)
Index(
    "webhook_deliveries_behind_idx",
    _d.tenant_id,
    _d.due_at,
    postgresql_where=text("status = 'pending' and behind"),
)
Index(
    "webhook_deliveries_waiting_idx",
    _d.due_at,
    postgresql_where=text("status = 'pending' and behind"),
)
Index(
    "webhook_deliveries_sending_idx",
    _d.tenant_id,
    _d.target_id,
    _d.lease_until,
    postgresql_where=_d.status == "sending",
)
Index(
    "webhook_deliveries_endpoint_idx", _d.tenant_id, _d.endpoint_id, _d.created_at, _d.delivery_id
)
Index("webhook_deliveries_event_idx", _d.tenant_id, _d.event_id, _d.target_id, unique=True)

webhook_attempts = Table(
    "webhook_attempts",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("delivery_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),
    when("at", required=True),
    Column("duration_ms", Integer, nullable=False),
    Column("status_code", Integer),
    Column("error", Text),
    Column("response", Text),
)

webhook_targets = Table(
    "webhook_targets",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("target_id", Uuid, primary_key=True),
    when("failing_since"),
    Column("failures", Integer, nullable=False, server_default=_zero),
    when("paused_until"),
    # On which day it last answered; a target without failures has.
    when("answered_at"),
)

project_secrets = Table(
    "project_secrets",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("secret_version", Integer, nullable=False, server_default=_one),
    when("old_secret_until"),
)
