"""Create the tables of jobs, effects, workers and money."""

from alembic import op

from migrations.sql_files import run

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = (
    "reservations budgets suspicions incarnations worker_reports workers evidence permits effects"
    " api_keys agents idempotency_keys timers journal steps job_labels jobs"
).split()


def upgrade() -> None:
    run("tables_jobs.sql", "tables_effects.sql")
    op.execute("insert into incarnations default values")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for table in _TABLES:
        op.drop_table(table)
