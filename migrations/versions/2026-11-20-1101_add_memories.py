"""Add memories: what agents were told to remember."""

from migrations.sql_files import run

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("tables_memories.sql", "memories.sql")


def downgrade() -> None:
    pass
