"""Add circuit breakers, which all workers share."""

from alembic import op

from migrations.sql_files import run

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("tables_breakers.sql", "breakers.sql")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop function wake_breaker")
    op.execute("drop function tenants_at_breaker")
    op.execute("drop index waits_breaker_idx")
    op.drop_table("breakers")
