"""Add quotas: how much of a kind a tenant may have."""

from alembic import op

from migrations.sql_files import run

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("tables_quotas.sql", "quotas.sql", "bytes.sql")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for trigger in ("count_for_quota", "note_bytes", "note_bytes_said"):
        op.execute(f"drop function {trigger} cascade")
    for function in (
        *("only_count", "quota_is_reached", "quota_by_default"),
        *("count_bytes", "check_bytes"),
    ):
        op.execute(f"drop function {function}")
    for table in ("bytes_changes", "bytes_counted", "quota_returns", "quotas"):
        op.drop_table(table)
