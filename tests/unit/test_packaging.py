"""What is shipped is complete: wheel, locks and the files of the containers."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from agent_workers.embedded.redis_users import RULE

ROOT = Path(__file__).resolve().parents[2]
LOCKS = {
    "requirements.lock": ("build",),
    "requirements-embedded.lock": ("build", "embedded"),
    "requirements-dev.lock": ("build", "embedded", "dev"),
}


def pins(lock: str) -> dict[str, str]:
    text = (ROOT / lock).read_text()
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[.+\])?==([^ ;\\]+)", text, re.MULTILINE))


def test_the_wheel_carries_the_migrations_beside_the_packages(tmp_path: Path) -> None:
    command = ("-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path)
    subprocess.run([sys.executable, *command], cwd=ROOT, check=True, capture_output=True)

    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())

    wanted = {"alembic.ini", "migrations/env.py", "migrations/script.py.mako", "api/py.typed"}
    shipped = [*(ROOT / "migrations").rglob("*.sql"), *(ROOT / "agent_workers").rglob("*.yaml")]
    assert wanted | {path.relative_to(ROOT).as_posix() for path in shipped} <= names
    assert not {name for name in names if name.startswith(("tests/", "tools/"))}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_satisfies_what_pyproject_asks_for(lock: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [project["optional-dependencies"][extra] for extra in LOCKS[lock]]
    asked = [Requirement(line) for lines in (project["dependencies"], *extras) for line in lines]
    locked = pins(lock)

    unmet = [str(need) for need in asked if not need.specifier.contains(version(need, locked))]

    assert not unmet, f"{unmet}: run `make lock`"


def test_the_smaller_locks_agree_with_the_widest() -> None:
    widest = pins("requirements-dev.lock").items()
    assert pins("requirements.lock").items() <= pins("requirements-embedded.lock").items() <= widest


def test_make_secrets_writes_every_secret_that_compose_reads(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    script = shutil.copy(ROOT / "tools/make_secrets", tmp_path / "tools")
    subprocess.run([script], check=True, capture_output=True)

    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    files = [tmp_path / secret["file"] for secret in compose["secrets"].values()]

    assert all(path.read_text() for path in files)
    before = [path.read_text() for path in files]
    subprocess.run([script], check=True, capture_output=True)
    assert [path.read_text() for path in files] == before


def version(need: Requirement, locked: dict[str, str]) -> str:
    return locked.get(need.name.lower(), "0")


def test_redis_in_compose_lets_our_processes_do_what_they_do_in_our_own():
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    redis = compose["services"]["redis"]
    assert redis["environment"]["ACL_RULE"] == RULE
    assert "user default off" in redis["command"][-1]
