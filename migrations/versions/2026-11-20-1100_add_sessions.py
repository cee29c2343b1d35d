"""Add sessions: the jobs of a conversation, in their order, and what was said."""

from alembic import op

from migrations.sql_files import run

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_FUNCTIONS = (
    "waiting_for_turn, turn_ahead, job_name, instant_of, end_stuck, tell_stuck, look_at_turn,"
    " watch_again, turn_goes_on, job_with_turn, watch_turn, stuck_policy, is_stuck,"
    " fold_session, clear_session, add_message, keep_sessions, pass_turn, leave_session,"
    " enter_session, enter_sessions, open_session, try_session, lock_session, session_lock"
)


def upgrade() -> None:
    run("tables_sessions.sql", "sessions.sql", "stuck_turns.sql")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute(f"drop function {_FUNCTIONS}")
    op.drop_table("session_turns")
    op.drop_table("session_messages")
    op.drop_table("sessions")
    op.execute("drop function guard_turn")
