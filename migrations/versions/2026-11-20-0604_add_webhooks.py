"""Add webhook endpoints and their deliveries."""

from alembic import op

from migrations.sql_files import run

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_FUNCTIONS = (
    "deliver_test forget_webhooks deliver_missing recover_deliveries replay_delivery record_attempt note_target"
    " disable_endpoint claim_deliveries next_tenant claim_of_tenant due_behind due_fresh claim_of claim_target"
    " room_of put_behind put_off put_forward"
    " take_delivery free_deliveries"
    " announce_end announce_event announce announce_job has_endpoints is_unsure write_event callback_target"
    " wants_event"
).split()
_TABLES = (
    "project_secrets webhook_targets webhook_attempts webhook_deliveries webhook_events"
    " webhook_endpoints"
).split()


def upgrade() -> None:
    run(
        "tables_webhooks.sql",
        "announcing.sql",
        "delivering.sql",
        "delivering_turns.sql",
        "redelivering.sql",
    )


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for function in _FUNCTIONS:
        op.execute(f"drop function {function}")
    op.execute("drop type claimed_delivery")
    for table in _TABLES:
        op.drop_table(table)
