"""Add MCP servers, and the tools of theirs that were approved."""

from alembic import op

from migrations.sql_files import run

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("tables_mcp.sql", "mcp.sql")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("mcp_tools")
    op.drop_table("mcp_servers")
    op.execute("drop function mcp_counted, mcp_forget")
