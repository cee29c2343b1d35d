"""Let the database itself refuse what may never happen."""

from alembic import op

from migrations.sql_files import run

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("guards.sql", "guards_hot.sql")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute(
        "drop function refuse, guard_budget, guard_job, guard_step, violated, job_may_move, step_may_move cascade"
    )
