"""${message}.

One idea per migration; it must work with the previous release's code running.
"""

from migrations.sql_files import run

revision = "${up_revision}"
down_revision = "${down_revision}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run(revision, "up.sql")


def downgrade() -> None:
    run(revision, "down.sql")
