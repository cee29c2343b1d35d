"""Add the tools that workers have, and places among the calls that a tool may have at once."""

from alembic import op

from migrations.sql_files import run

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("tables_tools.sql", "tools.sql")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_index("waits_place_idx")
    op.drop_table("tool_places")
    op.drop_table("tools")
    for function in ("take_tool_place", "leave_tool_place", "register_tools"):
        op.execute(f"drop function {function}")
