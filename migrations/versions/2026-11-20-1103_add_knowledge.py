"""Add knowledge: the documents that agents may search."""

from migrations.sql_files import run

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("tables_knowledge.sql", "knowledge.sql")


def downgrade() -> None:
    pass
