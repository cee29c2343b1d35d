"""Runs Alembic on this release's migrations, wherever the package is installed."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError

import agent_workers
from agent_workers.domain.text.addresses import shown_address
from agent_workers.terminal.errors import CommandFailed


def upgrade(url: str, revision: str = "head") -> None:
    """Bring a database up to a revision; running it twice changes nothing."""
    try:
        command.upgrade(config_for(url), revision)
    except CommandError as error:
        place = shown_address(url)
        raise CommandFailed(
            f"the schema in Postgres at {place} was made by another release ({error}): use that"
            " release, or another database (for `up`: --folder)"
        ) from error


def downgrade(url: str, revision: str) -> None:
    command.downgrade(config_for(url), revision)


def newest() -> str:
    """Return the newest migration of this release."""
    head = ScriptDirectory.from_config(config_for("postgresql://")).get_current_head()
    assert head is not None
    return head


def known(revision: str) -> bool:
    """Say whether this release has a migration; one that it has not belongs to a newer release."""
    return revision in _all()


def is_behind(stands_at: str, revision: str) -> bool:
    """Say whether a schema that stands at one migration still lacks the other."""
    order = _all()
    return order.index(stands_at) < order.index(revision)


def _all() -> list[str]:
    found = ScriptDirectory.from_config(config_for("postgresql://")).walk_revisions()
    return [script.revision for script in found][::-1]


def config_for(url: str) -> Config:
    config = Config(str(Path(agent_workers.__file__).parents[1] / "alembic.ini"))
    # `postgresql://` alone would ask for another driver than ours, and a percent sign in a
    # password would be read as an interpolation.
    psycopg = f"postgresql+psycopg://{url.partition('://')[2]}"
    config.set_main_option("sqlalchemy.url", psycopg.replace("%", "%%"))
    return config
