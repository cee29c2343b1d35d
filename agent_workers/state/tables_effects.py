"""The tables of effects, workers and money: what must never happen twice or be overdrawn."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    Interval,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from agent_workers.state.tables import count, metadata, when

_CLASSES = "cls in ('keyed','reconcilable','unsafe')"

effects = Table(
    "effects",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("effect_key", Uuid, primary_key=True),
    Column("root_id", Uuid, nullable=False),
    Column("job_id", Uuid, nullable=False),
    Column("position", Integer, nullable=False),
    Column("ordinal", Integer, nullable=False, server_default=text("0")),
    Column("tool", Text, nullable=False),
    Column("cls", Text, nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("request_hash", LargeBinary, nullable=False),
    Column("state", Text, nullable=False, server_default="intended"),
    Column("result", LargeBinary),
    Column("doubt_reason", Text),
    when("doubted_at"),
    when("first_granted_at"),
    # How many look-ups have failed since the last permit, and of them those that will fail again.
    count("failed_looks"),
    count("failed_looks_for_good"),
    when("created_at", required=True),
    UniqueConstraint("tenant_id", "root_id", "position", "ordinal", name="effects_place_key"),
    UniqueConstraint("tenant_id", "effect_key", "cls", name="effects_cls_key"),
    CheckConstraint(_CLASSES, name="cls"),
    CheckConstraint("state in ('intended','in_doubt','done','abandoned')", name="state"),
    CheckConstraint("(state = 'done') = (result is not null)", name="result"),
)
Index(
    "effects_in_doubt_idx",
    effects.c.tenant_id,
    effects.c.doubted_at,
    postgresql_where=effects.c.state == "in_doubt",
)
Index("effects_job_idx", effects.c.tenant_id, effects.c.job_id)

permits = Table(
    "permits",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("effect_key", Uuid, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("cls", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("worker_id", Uuid, nullable=False),
    when("granted_at", required=True),
    when("quiet_after", required=True),
    when("key_expires_at"),
    Column("says", Text),
    Column("source", Text),
    when("checked_at"),
    Column("refused_for_good", Boolean, nullable=False, server_default=text("false")),
    # Set where `quiet_after` was put off: how long a quiet time this permit has.
    Column("quiet_time", Interval),
    Column("settle_ms", BigInteger, nullable=False, server_default=text("0")),
    when("holder_gone_at"),
    ForeignKeyConstraint(
        ["tenant_id", "effect_key", "cls"],
        ["effects.tenant_id", "effects.effect_key", "effects.cls"],
    ),
    CheckConstraint("attempt >= 1", name="attempt"),
    CheckConstraint(_CLASSES, name="cls"),
    CheckConstraint(
        "mode in ('first','same_key','after_refusal','after_absent','after_verdict','repeat')",
        name="mode",
    ),
    CheckConstraint("mode <> 'same_key' or cls = 'keyed'", name="same_key"),
    CheckConstraint("says in ('happened','not_executed','absent','unknown')", name="says"),
    CheckConstraint(
        "(says is null) = (source is null)"
        " and (source is null or source in ('reply','lookup','verdict','assumed'))",
        name="source",
    ),
    # "It did not happen" is refused from anybody before the permit went quiet.
    CheckConstraint(
        "says is distinct from 'absent' or (checked_at is not null and checked_at >= quiet_after)",
        name="absent_needs_quiet",
    ),
    CheckConstraint(
        "says is distinct from 'not_executed' or source = 'reply'", name="refusal_is_a_reply"
    ),
    CheckConstraint("quiet_after > granted_at", name="quiet"),
    CheckConstraint(
        "(cls = 'keyed') = (key_expires_at is not null)"
        " and (key_expires_at is null or granted_at < key_expires_at)",
        name="key_life",
    ),
)
# At most one permit that is not proven harmless; the modes left out are the harmless repeats.
Index(
    "permits_one_live_idx",
    permits.c.tenant_id,
    permits.c.effect_key,
    unique=True,
    postgresql_where=text(
        "mode not in ('same_key','repeat') and (says is null or says in ('happened','unknown'))"
    ),
)

evidence = Table(
    "evidence",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("effect_key", Uuid, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("attempt", Integer, nullable=False),
    Column("says", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("result_hash", LargeBinary),
    Column("result", LargeBinary),
    Column("given_by", Text, nullable=False, server_default=""),
    Column("reason", Text, nullable=False, server_default=""),
    Column("contradicts", Boolean, nullable=False, server_default=text("false")),
    when("at", required=True),
    ForeignKeyConstraint(
        ["tenant_id", "effect_key", "attempt"],
        ["permits.tenant_id", "permits.effect_key", "permits.attempt"],
    ),
    CheckConstraint("says in ('happened','not_executed','absent','unknown')", name="says"),
    CheckConstraint("source in ('reply','lookup','verdict','assumed')", name="source"),
)

# Since when this server is what it is: its one row outlives neither a crash nor a promotion.
incarnations = Table(
    "incarnations",
    metadata,
    Column("one", Boolean, primary_key=True, server_default=text("true")),
    when("since", required=True),
    CheckConstraint("one", name="one"),
    prefixes=["UNLOGGED"],
)

workers = Table(
    "workers",
    metadata,
    Column("worker_id", Uuid, primary_key=True),
    Column("lock_key", BigInteger, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("pid_started", BigInteger, nullable=False),
    Column("lanes", Text, nullable=False),
    when("locked_at", required=True),
    when("lost_at"),
)

# What each running worker says of itself: one row for all processes of a prefork worker.
worker_reports = Table(
    "worker_reports",
    metadata,
    Column("report_id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", Text, nullable=False),
    Column("lanes", ARRAY(Text), nullable=False),
    Column("pool", Text, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("agents", JSONB, nullable=False),
    Column("tools", ARRAY(Text), nullable=False),
    Column("models", JSONB, nullable=False),
    Column("secrets", ARRAY(Text), nullable=False),
    Column("abilities", JSONB, nullable=False),
    Column("stopping", Boolean, nullable=False, server_default=text("false")),
    when("started_at", required=True),
    when("seen_at", required=True),
    CheckConstraint("jsonb_typeof(agents) = 'object'", name="agents"),
    CheckConstraint("jsonb_typeof(models) = 'object'", name="models"),
    CheckConstraint("jsonb_typeof(abilities) = 'object'", name="abilities"),
)

suspicions = Table(
    "suspicions",
    metadata,
    Column("worker_id", Uuid, primary_key=True),
    Column("tenant_id", Text, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("position", Integer, primary_key=True),
    when("at", required=True),
)

budgets = Table(
    "budgets",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("budget_id", Text, primary_key=True),
    Column("limit_micro", BigInteger, nullable=False),
    count("reserved_micro", BigInteger),
    count("spent_micro", BigInteger),
    # What calls cost beyond what was held for them: booked, never hidden, never a failed record.
    count("overrun_micro", BigInteger),
    CheckConstraint(
        "limit_micro >= 0 and reserved_micro >= 0 and spent_micro >= 0",
        name="limit",
    ),
)

reservations = Table(
    "reservations",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("budget_id", Text, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("amount_micro", BigInteger, nullable=False),
    Column("spent_micro", BigInteger),
    when("created_at", required=True),
    when("settled_at"),
    ForeignKeyConstraint(["tenant_id", "budget_id"], ["budgets.tenant_id", "budgets.budget_id"]),
    CheckConstraint("amount_micro > 0", name="amount"),
    CheckConstraint("(settled_at is null) = (spent_micro is null)", name="settled"),
)
