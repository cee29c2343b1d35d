"""Add the immutable versions of agents."""

from alembic import op

from migrations.sql_files import run

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("tables_agents.sql")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop function keep_agent_version")
    op.drop_table("agent_versions")
