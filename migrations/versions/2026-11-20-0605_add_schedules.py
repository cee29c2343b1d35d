"""Add schedules and their runs."""

from alembic import op

from migrations.sql_files import run

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_FUNCTIONS = (
    "backfill_runs promote_run fail_run start_run replace_job end_other_runs fire_run announce_skip"
    " skip_run run_is_live live_runs schedule_name"
).split()


def upgrade() -> None:
    run("tables_schedules.sql", "schedules.sql")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for function in _FUNCTIONS:
        op.execute(f"drop function {function}")
    op.execute("drop type run_target")
    op.drop_table("schedule_runs")
    op.drop_table("schedules")
