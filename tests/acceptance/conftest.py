"""Fixtures of the acceptance tests: folders with a space, that root's Postgres can reach."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.systems import Up, end_all, up
from tests.support.soundness import check, soundness_of


@pytest.fixture(scope="module")
def cwd() -> Iterator[Path]:
    """A working folder with a space in its path; pytest's own are closed to other accounts."""
    folder = Path(tempfile.mkdtemp(prefix="agent workers "))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        end_all(folder)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def system(cwd: Path) -> Iterator[Up]:
    with up(cwd) as running:
        yield running


@pytest.fixture(autouse=True)
def sound_rows_of_system(request: pytest.FixtureRequest) -> Iterator[None]:
    """Ask the running system's database about every invariant when a test ends."""
    if "system" not in request.fixturenames:
        yield
        return
    system: Up = request.getfixturevalue("system")
    yield
    if system.process.poll() is None:
        with soundness_of(system.surroundings["AGENT_DATABASE_URL"]) as asked:
            check(request, asked)
