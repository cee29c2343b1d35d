"""Add the tools that workers have, and places among the calls that a tool may have at once."""

from alembic import op

from migrations.sql_files import run

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_FUNCTIONS = (
    "leave_tool_place",
    "take_tool_place",
    "give_tool_places",
    "wake_at_tool",
    "next_at_tool",
    "places_of",
    "has_free_place",
    "lock_tool_places",
    "register_tools",
)


def upgrade() -> None:
    run("tables_tools.sql", "tools.sql")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_index("waits_place_idx")
    op.drop_table("tool_places")
    op.drop_table("tools")
    for function in _FUNCTIONS:
        op.execute(f"drop function {function}")
