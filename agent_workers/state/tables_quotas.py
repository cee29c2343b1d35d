"""The tables of quotas: how much of a kind a tenant may have, and has."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Identity,
    Index,
    Table,
    Text,
    text,
)

from agent_workers.state.tables import count, metadata, when

quotas = Table(
    "quotas",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    # Null: as many as by default.
    Column("most", BigInteger),
    count("used", BigInteger),
    CheckConstraint("most >= 0", name="most"),
    CheckConstraint("used >= 0", name="used"),
)
# What was deleted while somebody else was counting: whoever counts next takes it off.
quota_returns = Table(
    "quota_returns",
    metadata,
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Index(None, "tenant_id", "kind"),
)
# Bytes that are kept, or no longer, besides what the journal tells of jobs: not counted yet.
bytes_changes = Table(
    "bytes_changes",
    metadata,
    # Which transaction wrote it, as in the journal.
    Column(
        "xact",
        BigInteger,
        primary_key=True,
        autoincrement=False,
        server_default=text("pg_current_xact_id()::text::bigint"),
    ),
    Column("number", BigInteger, Identity(always=True), primary_key=True),
    Column("tenant_id", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)
# One row: all up to this transaction is in `quotas`.
bytes_counted = Table(
    "bytes_counted",
    metadata,
    Column("one", Boolean, primary_key=True, server_default=text("true")),
    Column("xact", BigInteger, nullable=False),
    when("at", required=True),
    CheckConstraint("one", name="one"),
)
