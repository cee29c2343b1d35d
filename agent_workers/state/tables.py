"""The tables of a job: its row, its steps, its journal, and what guards their admission."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    }
)
_clock = text("clock_timestamp()")


def when(name: str, *, required: bool = False) -> Column[object]:
    """Return a column for an instant, in UTC."""
    default = _clock if required else None
    return Column(name, DateTime(timezone=True), nullable=not required, server_default=default)


def count(name: str, kind: type = Integer) -> Column[object]:
    """Return a column that counts from zero."""
    return Column(name, kind, nullable=False, server_default=text("0"))


jobs = Table(
    "jobs",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("root_id", Uuid, nullable=False),
    Column("parent_id", Uuid),
    Column("agent", Text, nullable=False),
    Column("agent_version", Text, nullable=False, server_default=""),
    count("depth", SmallInteger),
    Column("workflow", Text, nullable=False, server_default=""),
    Column("status", Text, nullable=False, server_default="queued"),
    Column("status_detail", Text),
    Column("input", LargeBinary, nullable=False),
    Column("output", LargeBinary),
    Column("error", LargeBinary),
    Column("metadata", JSONB, nullable=False, server_default=text("'{}'")),
    Column("callback_url", Text),
    count("priority", SmallInteger),
    Column("max_steps", Integer, nullable=False),
    count("next_position"),
    count("open_steps"),
    count("journal_number"),
    count("bytes", BigInteger),  # what it keeps
    count("allowance_micro", BigInteger),
    # Without a limit of its own: its allowance is what it has drawn from its tenant's budgets so far.
    Column("draws", Boolean, nullable=False, server_default=text("false")),
    count("held_micro", BigInteger),
    count("spent_micro", BigInteger),
    count("input_tokens", BigInteger),
    count("cached_tokens", BigInteger),
    count("output_tokens", BigInteger),
    count("tool_calls"),
    Column("course", Text, nullable=False, server_default=""),
    Column("degraded", JSONB, nullable=False, server_default=text("'[]'")),
    Column("cancel_reason", Text),
    Column("stop_error", LargeBinary),  # what a stopped job fails with once nothing acts any more
    Column("pause_requested", Boolean, nullable=False, server_default=text("false")),
    when("created_at", required=True),
    when("started_at"),
    when("finished_at"),
    when("deadline_at"),
    Column("batch_id", Uuid),
    Column("batch_number", Integer),
    Column("schedule_id", Uuid),
    Column("user_id", Text, nullable=False, server_default=""),
    Column("session_id", Text, nullable=False, server_default=""),
    postgresql_with={"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0.05},
)
Index("jobs_tenant_id_created_at_job_id_idx", jobs.c.tenant_id, jobs.c.created_at, jobs.c.job_id)
Index(
    "jobs_tenant_id_status_created_at_job_id_idx",
    jobs.c.tenant_id,
    jobs.c.status,
    jobs.c.created_at,
    jobs.c.job_id,
)
Index(
    "jobs_user_idx",
    jobs.c.tenant_id,
    jobs.c.user_id,
    jobs.c.created_at,
    jobs.c.job_id,
    postgresql_where=jobs.c.user_id != "",
)
Index(
    "jobs_session_idx",
    jobs.c.tenant_id,
    jobs.c.session_id,
    jobs.c.created_at,
    jobs.c.job_id,
    postgresql_where=jobs.c.session_id != "",
)

steps = Table(
    "steps",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("round", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("tool", Text, nullable=False, server_default=""),
    Column("call_id", Text, nullable=False, server_default=""),
    Column("arguments", LargeBinary),
    Column("effect", Text, nullable=False, server_default="pure"),
    Column("timeout_ms", Integer, nullable=False),
    count("hold_micro", BigInteger),
    # What the calls of this claim may cost at most, where nothing was held for them beforehand.
    count("called_micro", BigInteger),
    count("fence"),
    count("tries", SmallInteger),
    count("deaths", SmallInteger),
    count("rings", SmallInteger),
    when("due_at", required=True),
    when("ring_at", required=True),
    when("lease_until"),
    Column("claimed_by", Uuid),
    Column("task_id", Text),
    Column("outcome_type", Text),
    Column("outcome", LargeBinary),
    Column("last_error", Text),
    Column("error", LargeBinary),
    when("created_at", required=True),
    when("claimed_at"),
    when("done_at"),
    ForeignKeyConstraint(["tenant_id", "job_id"], ["jobs.tenant_id", "jobs.job_id"]),
    postgresql_with={
        "autovacuum_vacuum_scale_factor": 0.02,
        "autovacuum_vacuum_insert_scale_factor": 0.1,
    },
)
Index(
    "steps_ready_idx",
    steps.c.lane,
    steps.c.due_at,
    postgresql_where=steps.c.status == "ready",
)
Index(
    "steps_turns_idx",
    steps.c.lane,
    steps.c.tenant_id,
    steps.c.due_at,
    postgresql_where=steps.c.status == "ready",
)
Index("steps_ring_idx", steps.c.lane, steps.c.ring_at, postgresql_where=steps.c.status == "ready")
Index("steps_lease_idx", steps.c.lease_until, postgresql_where=steps.c.status == "claimed")
Index(
    "steps_parked_idx",
    steps.c.tenant_id,
    steps.c.job_id,
    postgresql_where=text("status in ('in_doubt','quarantined')"),
)

journal = Table(
    "journal",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("type", Text, nullable=False),
    when("at", required=True),
    Column("data", LargeBinary, nullable=False),
    count("bytes"),  # how many more the job keeps by what this tells of
    # Which transaction wrote it: relays follow the journal by what is certainly decided.
    Column(
        *("xact", BigInteger),
        nullable=False,
        server_default=text("pg_current_xact_id()::text::bigint"),
    ),
    CheckConstraint("number > 0", name="number"),
)
Index("journal_xact_idx", journal.c.xact)

timers = Table(
    "timers",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("kind", Text, primary_key=True),
    when("due_at", required=True),
    CheckConstraint(
        "kind in ('deadline', 'orphan', 'budget', 'interrupt', 'replaced', 'stuck')", name="kind"
    ),
)
Index("timers_due_at_idx", timers.c.due_at)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("job_id", Uuid, nullable=False),
    when("created_at", required=True),
    when("expires_at", required=True),
)
Index("idempotency_keys_expires_at_idx", idempotency_keys.c.expires_at)

api_keys = Table(
    "api_keys",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("key_id", Text, primary_key=True),
    Column("name", Text, nullable=False, server_default=""),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("scopes", JSONB, nullable=False, server_default=text("'[]'")),
    when("created_at", required=True),
    when("expires_at"),
    when("revoked_at"),
    when("last_used_at"),
)
Index("api_keys_key_id_idx", api_keys.c.key_id, unique=True)
