"""Add triggers, events in and dead letters, and what other people's transactions may call."""

from alembic import op

from migrations.sql_files import run

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("tables_triggers.sql", "triggers.sql", "relaying.sql")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    # Triggers that watch tables of the users' go with the function that they call.
    op.execute("drop function agent_workers.watch_row cascade")
    op.execute("drop function agent_workers.enqueue, agent_workers.store, agent_workers.new_job_id")
    op.execute("drop function relay_batch, submit_many_once, forget_dead_letters")
    for table in ("relays", "dead_letters", "triggers"):
        op.drop_table(table)
