"""Add memories: what agents were told to remember."""

from alembic import op

from migrations.sql_files import run

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("tables_memories.sql", "memories.sql")


def downgrade() -> None:
    """Take all of it away but pgvector, which others may use by now."""
    op.execute("set local lock_timeout = '5s'")
    op.execute("drop trigger jobs_unlearned on jobs")
    for function in (
        "forget_expired_memories",
        "unlearn_purged",
        "taught_for",
        "unlearn_jobs",
        "unlearn_memory",
        "remember",
        "replaced_memories",
        "lock_memories",
    ):
        op.execute(f"drop function {function}")
    op.drop_table("memories")
