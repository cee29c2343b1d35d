"""Add waits and messages: steps that wait for a child, an event, a person or a time."""

from alembic import op

from migrations.sql_files import run

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_FUNCTIONS = (
    "answer_questions answer_wait send_message waiting_for leave_children child_ended lock_parent"
    " wake_waits park_step start_child carve_allowance only_waits open_steps refusal lock_mail"
).split()


def upgrade() -> None:
    run("tables_waits.sql", "waits.sql", "mail.sql")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("messages")
    op.drop_table("waits")
    for function in _FUNCTIONS:
        op.execute(f"drop function {function}")
