"""Add sessions: the jobs of a conversation, in their order, and what was said."""

from migrations.sql_files import run

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("tables_sessions.sql", "sessions.sql")


def downgrade() -> None:
    pass
