"""What a program needs to see of this machine so that it can start at all."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from agent_workers.execution.sandbox.ports import NoBoundary

_SYSTEM_PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3")


def found(name: str) -> str:
    """Find a program as a shell would."""
    place = shutil.which(name)
    if place is None:
        raise NoBoundary(f"there is no program {name!r} on this machine")
    return str(Path(place).absolute())


def needed_by(program: Path) -> Iterator[Path]:
    """Name the files that a program stands on: itself, where its link leads, its environment."""
    yield program
    if program.is_symlink():
        yield program.resolve()
    environment = program.parent.parent
    if (environment / "pyvenv.cfg").is_file():
        yield environment
        yield from _home_of(environment / "pyvenv.cfg")


def own_python() -> tuple[Path, ...]:
    """Name where this interpreter is, with its libraries."""
    return tuple(dict.fromkeys((Path(sys.prefix), Path(sys.base_prefix))))


def launchers() -> Iterator[Path]:
    """Name the interpreters that can start a program: our own, or the system's."""
    yield Path(sys.executable).resolve()
    yield from (Path(place) for place in _SYSTEM_PYTHONS if Path(place).exists())


def _home_of(written: Path) -> Iterator[Path]:
    for line in written.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "home" and value.strip():
            yield Path(value.strip()).parent
