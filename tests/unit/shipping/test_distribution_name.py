"""Nobody is told to install another company's package: only our own name is ours to install."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests.support.repository import ROOT

NAME = "agent-workers-runtime"
# The index folds case and separators. Our own name is not on it yet: anybody could take it.
ANY_OF_THEM = r"""["']?agent[-_.]*workers(?:[-_.]+runtime)?(?![-_.]?\w|/)"""
COMMAND = r"(?:pip3?|pipx|uv|tool)\s+(?:install|add)\b[^\n`]*\s"
EXTRA = r"\bagent[-_.]*workers\[[a-z, ]+\]"
INSTALLING = re.compile(rf"(?:{COMMAND}|\binstall\s+){ANY_OF_THEM}|{EXTRA}", re.IGNORECASE)
PASSED_BY = {"__pycache__", "build", "dist", "secrets"}


def test_the_distribution_has_a_name_of_its_own() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["name"] == NAME
    assert distribution(NAME).version == project["version"]


def test_the_command_tells_the_version_of_the_distribution() -> None:
    command = (sys.executable, "-m", "agent_workers.cli.main", "--version")
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert told == f"agent-workers {distribution(NAME).version}\n"


def test_nothing_says_to_install_a_name_that_is_not_ours() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group()!r}"
        for path, text in texts()
        for match in INSTALLING.finditer(text)
    ]
    assert not found, f"{found}: link to docs/quickstart.md#install"


@pytest.mark.parametrize(
    "text",
    [
        "pip install agent-workers",
        "pip install 'agent-workers[embedded]'",
        'uv add "agent_workers"',
        "install agent-workers[wasm]",
        "RUN pip install --no-cache-dir Agent.Workers==0.1",
        "pip install agentworkers",
        "pip install agent-workers-runtime",
    ],
)
def test_such_an_instruction_would_be_noticed(text: str) -> None:
    assert INSTALLING.search(text)


def texts() -> Iterator[tuple[Path, str]]:
    for path in files_of(ROOT):
        if path != Path(__file__).resolve():
            with suppress(UnicodeDecodeError):
                yield path, path.read_text()


def files_of(folder: Path) -> Iterator[Path]:
    """Whatever we write, scripts without a suffix included; no caches, no environments."""
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix != ".lock":
            yield path
        elif path.is_dir() and path.name not in PASSED_BY and wanted(path.name):
            yield from files_of(path)


def wanted(folder: str) -> bool:
    return not folder.startswith((".", "venv")) or folder == ".ci"
