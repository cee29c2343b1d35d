"""The first `make` takes minutes: it says all the while how far it is, and at the end what failed."""

import subprocess
import sys

from tests.support.repository import ROOT

# Speaks as pip does, and ends with the code that it is given.
PIP = """
import sys, time
print("Ignoring d: markers 'sys_platform == \\"win32\\"' don't match your environment", flush=True)
print("Requirement already satisfied: e==1 in .venv", flush=True)
print("Collecting a==1 (from -r lock)", flush=True)
print("Processing /wheels/b-1-py3-none-any.whl (from -r lock)", flush=True)
time.sleep(0.1)
print("Installing collected packages: a, b", flush=True)
time.sleep(0.1)
print("the end of it")
sys.exit(int(sys.argv[1]))
"""
RUN = """
import sys
from pathlib import Path
import pip_progress
pip_progress._EVERY_S = 0.02
pip = [sys.executable, "-c", sys.argv[1], sys.argv[2]]
sys.exit(pip_progress.run_pip(pip, folder=Path(), total=4))
"""


def ran(code: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RUN, PIP, str(code)],
        cwd=ROOT / "tools",
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_pipe_is_told_a_line_every_few_seconds() -> None:
    told = ran(0)
    assert told.returncode == 0
    assert "setup: fetching package 4 of 4 (" in told.stdout
    assert "setup: installing 4 packages (" in told.stdout
    assert "Collecting" not in told.stdout + told.stderr
    assert "\r" not in told.stdout


def test_what_pip_said_last_is_shown_if_it_fails() -> None:
    told = ran(3)
    assert told.returncode == 3
    assert "the end of it" in told.stderr


def test_the_packages_of_every_lock_are_counted() -> None:
    check = (
        "import sys, pathlib, pip_progress as p; print(p.packages_in(pathlib.Path(sys.argv[1])))"
    )
    lock = ROOT / "requirements.lock"
    told = subprocess.run(
        [sys.executable, "-c", check, lock],
        cwd=ROOT / "tools",
        capture_output=True,
        text=True,
        check=True,
    )
    listed = [line for line in lock.read_text().splitlines() if line[:1].isalnum()]
    assert int(told.stdout) == len(listed) > 0
