"""The tables of triggers, of events that could not be taken, and of relays."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from agent_workers.state.tables import metadata, when

triggers = Table(
    "triggers",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("trigger_id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    Column("definition", JSONB, nullable=False),
    when("created_at", required=True),
    when("updated_at", required=True),
    UniqueConstraint("tenant_id", "name", name="triggers_name_key"),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("letter_id", Uuid, primary_key=True),
    Column("digest", LargeBinary, nullable=False),  # the same message again is the same letter
    Column("origin", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("code", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="dead"),
    Column("times", Integer, nullable=False, server_default=text("1")),
    when("created_at", required=True),
    when("last_at", required=True),
    when("replayed_at"),
    UniqueConstraint("tenant_id", "digest", name="dead_letters_digest_key"),
    CheckConstraint("state in ('dead','replayed','discarded')", name="state"),
    CheckConstraint("(state = 'replayed') = (replayed_at is not null)", name="replayed"),
)
Index(
    "dead_letters_state_idx",
    dead_letters.c.tenant_id,
    dead_letters.c.state,
    dead_letters.c.created_at,
    dead_letters.c.letter_id,
)

relays = Table(
    "relays",
    metadata,
    Column("name", Text, primary_key=True),
    Column("told_xact", BigInteger, nullable=False),  # all of these and earlier ones were told
    Column("ahead", JSONB, nullable=False, server_default=text("'[]'")),  # and these later ones
    Column("published", BigInteger, nullable=False, server_default=text("0")),
    Column("holder", Uuid),
    when("lease_until"),
    when("created_at", required=True),
    when("told_at"),
)
