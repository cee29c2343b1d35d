"""Fixtures of the acceptance tests: folders with a space, that root's Postgres can reach."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.systems import Up, end_all, up


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
