"""What is shipped is complete: wheel, sdist, locks and the files of the containers."""

import os
import re
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from agent_workers.embedded.redis import RULE
from tests.support.repository import ROOT
from tests.support.shipping import Built, build

LOCKS = {
    "requirements.lock": ("build",),
    "requirements-embedded.lock": ("build", "embedded"),
    "requirements-dev.lock": ("build", "embedded", "dev"),
}


def pins(lock: str) -> dict[str, str]:
    text = (ROOT / lock).read_text()
    return dict(re.findall(r"^([a-z0-9._-]+)(?:\[.+\])?==([^ ;\\]+)", text, re.MULTILINE))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(tmp_path_factory.mktemp("built"))


def test_the_wheel_is_the_packages_with_what_they_read(built: Built) -> None:
    named = {path for path in tracked() if path.parts[0] in {"agent_workers", "api", "migrations"}}
    packed = {Path(name) for name in zipfile.ZipFile(built.wheel).namelist()}
    metadata = {path for path in packed if path.parts[0].endswith(".dist-info")}

    assert packed - metadata == named | {Path("alembic.ini"), Path("agent_workers_launch.py")}
    assert {path.name for path in metadata} >= {"METADATA", "entry_points.txt", "LICENSE"}
    wanted = {"agent_workers/py.typed", "api/py.typed", "agent_workers/demo/by_model.yaml"}
    assert {Path(name) for name in wanted} <= packed


def test_the_sdist_is_all_that_its_own_tests_need(built: Built) -> None:
    packed = {
        path.relative_to(built.unpacked) for path in built.unpacked.rglob("*") if path.is_file()
    }
    assert packed - {Path("PKG-INFO")} == tracked()
    assert os.access(built.unpacked / "tools" / "setup", os.X_OK)


def test_what_builds_the_site_agrees_with_what_tests_the_code() -> None:
    site, code = pins("requirements-docs.lock"), pins("requirements-dev.lock")
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]

    assert {Requirement(line).name for line in groups["docs"]} <= site.keys()
    assert {name: code[name] for name in site.keys() & code.keys()}.items() <= site.items()


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


def tracked() -> set[Path]:
    """Return what git keeps, or will keep; there is no git in an unpacked sdist."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no git here to ask what belongs to the project")
    command = ("git", "ls-files", "--cached", "--others", "--exclude-standard")
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return {Path(line) for line in told.splitlines() if (ROOT / line).is_file()}


def version(need: Requirement, locked: dict[str, str]) -> str:
    return locked.get(need.name.lower(), "0")


def test_redis_in_compose_lets_our_processes_do_what_they_do_in_our_own():
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    redis = compose["services"]["redis"]
    assert redis["environment"]["ACL_RULE"] == RULE
    assert "user default off" in redis["command"][-1]
