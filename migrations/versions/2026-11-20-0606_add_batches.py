"""Add batches, their items, and how they are kept going."""

from alembic import op

from migrations.sql_files import run

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_FUNCTIONS = (
    "keep_this_batch keep_batches keep_batch stop_jobs_of fill_batch cancel_batch create_batch"
    " start_batch batch_counts finish_batch batch_job_ended has_items admit_items"
    " add_items open_batch"
).split()


def upgrade() -> None:
    run("tables_batches.sql", "batches.sql", "batches_keeping.sql")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for function in _FUNCTIONS:
        op.execute(f"drop function {function}")
    op.execute("drop type kept_items")
    op.drop_table("batch_items")
    op.drop_table("batches")
