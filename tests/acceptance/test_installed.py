"""The wheel, installed into an empty environment, does what the README says."""

import json
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

import pytest

from tests.acceptance.systems import (
    PATIENCE_S,
    Up,
    end_all,
    environment,
    processes_of,
    wait_until,
)
from tests.support.repository import ROOT
from tests.support.shipping import build, install

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def programs() -> Iterator[Path]:
    """The programs of an environment that has our wheel and what it asks for, nothing else."""
    folder = Path(tempfile.mkdtemp(prefix="an installed wheel "))
    folder.chmod(0o711)
    try:
        yield install(build(folder).wheel, "embedded", folder / "environment")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def ask(program: Path, *arguments: str, cwd: Path) -> str:
    ran = subprocess.run(
        [program, *arguments],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_it_is_there_under_its_own_name_and_no_other(programs: Path, tmp_path: Path):
    folders = programs.parent.glob("lib/python*/site-packages")
    names = {found.name for found in distributions(path=list(map(str, folders)))}
    assert {name for name in names if "workers" in name} == {"agent-workers-runtime"}
    told = ask(programs / "agent-workers", "--version", cwd=tmp_path)
    assert re.fullmatch(r"agent-workers \d+\.\d+\.\d+\n", told)


def test_it_serves_the_first_module_of_the_readme_from_an_empty_folder(programs: Path, cwd: Path):
    command = programs / "agent-workers"
    (cwd / "weather.py").write_text(first_module())
    log = cwd / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [command, "up", "--quiet", "--tools", "weather"],
            cwd=cwd,
            env=environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    system = Up(cwd=cwd, process=process, log=log)
    try:
        wait_until(lambda: system.is_ready, "workers that have the agent")
        answer = ask(command, "jobs", "submit", "weather", "Lisbon", "--wait", cwd=cwd)
        assert json.loads(answer) == {"city": "Lisbon", "tomorrow": "sunny"}
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0, log.read_text()
        assert processes_of(system.folder) == []
    finally:
        end_all(system.folder)


def first_module() -> str:
    readme = (ROOT / "README.md").read_text()
    found = re.search(r"^```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    assert found
    return found[1]
