"""Add workspaces: the files of a job."""

from alembic import op

from migrations.sql_files import run

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("tables_workspaces.sql", "workspaces.sql")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("workspace_files")
    op.drop_table("workspaces")
    for function in (
        "count_workspace_file",
        "guard_workspace_file",
        "expect_workspace_file",
        "write_workspace_file",
        "delete_workspace_file",
    ):
        op.execute(f"drop function {function}")
