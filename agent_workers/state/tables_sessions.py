"""The tables of sessions: whose turn it is, and what was said."""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from agent_workers.state.tables import metadata, when

sessions = Table(
    "sessions",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("session_id", Text, primary_key=True),
    Column("user_id", Text, nullable=False, server_default=""),
    # Another one whenever what jobs may see of the past has changed otherwise than by growing.
    Column("version", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("last_turn", Integer, nullable=False, server_default=text("0")),
    Column("ttl_s", Integer, nullable=False, server_default=text("3600")),
    # What the turns up to `summed_to` came to, as the step that summed them up recorded it.
    Column("summary", LargeBinary),
    Column("summed_to", Integer, nullable=False, server_default=text("0")),
    when("created_at", required=True),
    when("used_at", required=True),
    # When the keeper looks: a turn was left to it, or nobody has used the session for long.
    when("look_at", required=True),
    CheckConstraint("ttl_s > 0", name="ttl"),
    CheckConstraint(
        "(summary is null) = (summed_to = 0) and summed_to <= last_turn", name="summary"
    ),
)
Index("sessions_look_at_idx", sessions.c.look_at)
Index(
    "sessions_tenant_id_used_at_idx",
    sessions.c.tenant_id,
    sessions.c.used_at,
    sessions.c.session_id,
)

session_messages = Table(
    "session_messages",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("session_id", Text, primary_key=True),
    Column("turn", Integer, primary_key=True, autoincrement=False),
    # 0: what was asked, or added; 1: what the job of this turn answered.
    Column("part", SmallInteger, primary_key=True, autoincrement=False),
    Column("message_id", Uuid, nullable=False),
    Column("role", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("calls", LargeBinary),
    Column("call_id", Text, nullable=False, server_default=""),
    Column("job_id", Uuid),
    when("at", required=True),
    ForeignKeyConstraint(
        ["tenant_id", "session_id"],
        ["sessions.tenant_id", "sessions.session_id"],
        name="session_messages_tenant_id_session_id_fkey",
        ondelete="CASCADE",
    ),
    CheckConstraint("role in ('user', 'assistant', 'tool')", name="role"),
    CheckConstraint("calls is null or role = 'assistant'", name="calls"),
    CheckConstraint("(call_id <> '') = (role = 'tool')", name="call_id"),
    CheckConstraint(
        "turn > 0 and (part = 0 or (part = 1 and role = 'assistant' and job_id is not null))",
        name="part",
    ),
)

session_turns = Table(
    "session_turns",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("job_id", Uuid, primary_key=True),
    Column("session_id", Text, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("state", Text, nullable=False),
    # Not before this, though its turn may have come.
    when("due_at", required=True),
    # When a keeper first saw that its job was stuck and others waited.
    when("stuck_at"),
    UniqueConstraint(
        "tenant_id", "session_id", "turn", name="session_turns_tenant_id_session_id_turn_key"
    ),
    ForeignKeyConstraint(
        ["tenant_id", "job_id"],
        ["jobs.tenant_id", "jobs.job_id"],
        name="session_turns_tenant_id_job_id_fkey",
    ),
    ForeignKeyConstraint(
        ["tenant_id", "session_id"],
        ["sessions.tenant_id", "sessions.session_id"],
        name="session_turns_tenant_id_session_id_fkey",
        ondelete="CASCADE",
    ),
    CheckConstraint("state in ('waiting', 'now', 'skipped', 'over')", name="state"),
)
Index(
    "session_turns_now_idx",
    session_turns.c.tenant_id,
    session_turns.c.session_id,
    unique=True,
    postgresql_where=session_turns.c.state == "now",
)
Index(
    "session_turns_open_idx",
    session_turns.c.tenant_id,
    session_turns.c.session_id,
    session_turns.c.turn,
    postgresql_where=session_turns.c.state != "over",
)
