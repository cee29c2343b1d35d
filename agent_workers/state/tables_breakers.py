"""The table of circuit breakers."""

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
from sqlalchemy.dialects.postgresql import ARRAY

from agent_workers.state.tables import count, metadata, when
from agent_workers.state.tables_waits import waits

breakers = Table(
    "breakers",
    metadata,
    Column("name", Text, primary_key=True),
    # Whose calls it bars; '*': everybody's.
    Column("tenant_id", Text, primary_key=True),
    Column("state", Text, nullable=False, server_default="closed"),
    Column("version", Integer, nullable=False),
    count("failures"),
    count("successes"),
    when("window_began_at"),
    # Of everybody's: for whom it failed since then.
    Column("failed_for", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    count("opens"),
    when("until"),
    Column("reason", Text, nullable=False, server_default=""),
    Column("by_hand", Boolean, nullable=False, server_default=text("false")),
    Column("probe_by", Text, nullable=False, server_default=""),
    Column("probed_for", Text, nullable=False, server_default="*"),
    # The session lock of the process that probes: gone with it.
    Column("probe_lock", BigInteger),
    when("changed_at"),
    # When steps were last told to come and look.
    when("woken_at"),
    CheckConstraint("state in ('closed', 'open', 'half_open')", name="state"),
    CheckConstraint("(state = 'half_open') = (probe_by <> '')", name="probe"),
)
Index(
    "waits_breaker_idx",
    waits.c.key,
    waits.c.tenant_id,
    waits.c.expires_at,
    postgresql_where=text("kind = 'breaker' and answered_at is null"),
)
