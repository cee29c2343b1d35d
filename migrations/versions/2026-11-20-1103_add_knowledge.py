"""Add knowledge: the documents that agents may search."""

from alembic import op

from migrations.sql_files import run

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run("tables_knowledge.sql", "knowledge.sql")


def downgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.drop_table("knowledge_chunks")
    op.drop_table("knowledge_documents")
    op.execute("drop function list_chunk_words")
    op.execute("drop function query_of_lexeme")
