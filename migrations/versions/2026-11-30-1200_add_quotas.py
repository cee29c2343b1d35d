"""Add quotas: how many of a kind a tenant may have."""

from alembic import op

from migrations.sql_files import run

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("tables_quotas.sql", "quotas.sql")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop function count_for_quota cascade")
    for function in ("only_count", "quota_is_reached", "quota_by_default"):
        op.execute(f"drop function {function}")
    op.drop_table("quota_returns")
    op.drop_table("quotas")
