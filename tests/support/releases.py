"""Two releases for a test: the one that users have, as a wheel, and a sample of the next one."""

import os
import shutil
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from tests.support.frozen import released_tag
from tests.support.repository import ROOT
from tests.support.revision import begin
from tests.support.shipping import build, install

_SHIPPED = ("agent_workers", "agent_workers_launch.py", "api", "migrations", "alembic.ini")
_COLUMN = "alter table jobs add column started_by text;\n\n"
# What the function in `up.sql` does besides, for the release that reads the new column.
_SETS = "started_at = coalesce(started_at, v_now),"
_SETS_TOO = f"{_SETS} started_by = coalesce(started_by, current_setting('application_name')),"
_INDEX = '''\
"""Build an index on who began jobs."""

from alembic import op

from migrations.sql_files import build_index

revision = "{revision}"
down_revision = "{after}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    build_index("jobs_started_by_idx", "jobs (tenant_id, started_by)")


def downgrade() -> None:
    op.execute("drop index jobs_started_by_idx")
'''


def previous(folder: Path) -> Path:
    """Install the release that users have, and return its programs.

    `migrations/frozen.txt` says under which tag git has it. Before the first one it is this tree.
    """
    source = _checked_out(released_tag(), folder / "source") if released_tag() else ROOT
    built = folder / "built"
    built.mkdir()
    return install(build(built, source).wheel, "embedded", folder / "environment")


def following(folder: Path) -> Path:
    """Make the next release in a folder, as CONTRIBUTING.md asks for, and return the folder.

    It adds a column that may be empty, has a function fill it, and builds an index on it.
    """
    folder.mkdir()
    for name in _SHIPPED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name)
        else:
            shutil.copy(ROOT / name, folder / name)
    up, down = begin("Say who began a job", ["take_step"], folder / "alembic.ini")
    function = up.read_text()
    assert function.count(_SETS) == 1, "take_step reads differently now: change this sample"
    up.write_text(_COLUMN + function.replace(_SETS, _SETS_TOO))
    # The function first: it must not name a column that has gone.
    down.write_text(down.read_text() + "\nalter table jobs drop column started_by;\n")
    revision = f"{int(up.parent.name) + 1:04}"
    text = _INDEX.format(revision=revision, after=up.parent.name)
    (folder / "migrations/versions" / f"{revision}_build_an_index.py").write_text(text)
    return folder


def migrate(
    release: Path, *arguments: str, cwd: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run `agent-workers migrate` of a release that lies in a folder."""
    ours = os.environ  # noqa: TID251 (a child gets all of it but our settings)
    kept = {name: value for name, value in ours.items() if not name.startswith("AGENT_")}
    return subprocess.run(
        [sys.executable, "-m", "agent_workers.cli.main", "migrate", *arguments],
        cwd=cwd,
        env=kept | {"PYTHONPATH": str(release)} | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _checked_out(tag: str, folder: Path) -> Path:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no git here to take the previous release from")
    ran = subprocess.run(["git", "archive", tag], cwd=ROOT, capture_output=True, check=False)
    assert ran.returncode == 0, (
        f"git has no tag {tag}, which migrations/frozen.txt names as the last release: run"
        f" `git fetch --tags` ({ran.stderr.decode().strip()})"
    )
    with tarfile.open(fileobj=BytesIO(ran.stdout)) as packed:
        packed.extractall(folder, filter="data")
    return folder
