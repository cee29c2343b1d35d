"""Create everything: the tables, what guards them, and the transactions of the engine."""

from migrations.sql_files import run

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = (
    "tables_jobs.sql",
    "tables_effects.sql",
    "tables_webhooks.sql",
    "tables_schedules.sql",
    "tables_batches.sql",
    "tables_triggers.sql",
    "tables_waits.sql",
    "tables_breakers.sql",
    "tables_agents.sql",
    "tables_sessions.sql",
    "tables_memories.sql",
    "tables_workspaces.sql",
    "tables_knowledge.sql",
    "tables_mcp.sql",
    "tables_tools.sql",
    "tables_quotas.sql",
)
_GUARDS = ("guards.sql", "guards_hot.sql")
_ENGINE = (
    "session.sql",
    "ending.sql",
    "submitting.sql",
    "looking.sql",
    "turns.sql",
    "claiming.sql",
    "recording.sql",
    "control.sql",
    "effects.sql",
    "clocks.sql",
    "sweeping.sql",
    "reporting.sql",
)
_AROUND_IT = (
    "announcing.sql",
    "delivering.sql",
    "delivering_turns.sql",
    "redelivering.sql",
    "schedules.sql",
    "batches.sql",
    "batches_keeping.sql",
    "triggers.sql",
    "relaying.sql",
    "waits.sql",
    "mail.sql",
    "breakers.sql",
    "agent_versions.sql",
    "sessions.sql",
    "stuck_turns.sql",
    "memories.sql",
    "workspaces.sql",
    "knowledge.sql",
    "mcp.sql",
    "tools.sql",
    "quotas.sql",
    "bytes.sql",
)


def upgrade() -> None:
    run(revision, *_TABLES, *_GUARDS, *_ENGINE, *_AROUND_IT)


def downgrade() -> None:
    run(revision, "down.sql")
