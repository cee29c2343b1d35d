"""Add workspaces: the files of a job."""

from migrations.sql_files import run

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("tables_workspaces.sql", "workspaces.sql")


def downgrade() -> None:
    pass
