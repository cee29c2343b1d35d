"""The list of migration files that have landed, with the hash of each: none ever changes again."""

import hashlib
import re
from pathlib import Path

from tests.support.repository import ROOT

FOLDER = ROOT / "migrations"
LIST = "frozen.txt"
_RELEASED = re.compile(r"^# released: (?P<tag>v\S+) with (?P<revision>\d{4})$", re.MULTILINE)
_LINE = re.compile(r"^(?P<hash>[0-9a-f]{64})  (?P<name>\S+)$", re.MULTILINE)
_REVISION = re.compile(r"/(\d{4})")
_INSTEAD = 'put it back, and write a new migration: make revision m="…"'


def complaints(folder: Path = FOLDER) -> list[str]:
    """Say which files are not as the list has them, and what to do about each."""
    listed, there = _listed(folder), _hashes(folder)
    return [
        *(f"migrations/{name} has gone: {_INSTEAD}" for name in sorted(listed.keys() - there)),
        *(
            f"migrations/{name} has landed and was changed: {_INSTEAD}"
            for name in sorted(listed.keys() & there)
            if listed[name] != there[name]
        ),
        *(
            f"migrations/{name} is not in migrations/{LIST}: run `make schema`"
            for name in sorted(there.keys() - listed)
        ),
    ]


def freeze(again: str = "", folder: Path = FOLDER) -> list[str]:
    """Add what is new, and return the complaints that are left.

    `again` is a revision that may still change because no release has it: its lines are written anew.
    """
    if again and again <= released_revision(folder):
        return [f"revision {again} was released, so it cannot change: {_INSTEAD}"]
    path = folder / LIST
    listed = {name: hash_ for name, hash_ in _listed(folder).items() if revision_of(name) != again}
    lines = (f"{hash_}  {name}" for name, hash_ in sorted((_hashes(folder) | listed).items()))
    head = [line for line in path.read_text("utf-8").splitlines() if line.startswith("#")]
    path.write_text("\n".join([*head, *lines]) + "\n", "utf-8")
    return complaints(folder)


def released_revision(folder: Path = FOLDER) -> str:
    """Return the newest revision that a release has; empty before the first release."""
    found = _RELEASED.search((folder / LIST).read_text("utf-8"))
    return found["revision"] if found else ""


def released_tag(folder: Path = FOLDER) -> str:
    """Return the git tag of the newest release; empty before the first release."""
    found = _RELEASED.search((folder / LIST).read_text("utf-8"))
    return found["tag"] if found else ""


def revision_of(name: str) -> str:
    """Return the revision that a file belongs to: `sql/0001/…` or `versions/0001_….py`."""
    found = _REVISION.search(name)
    return found[1] if found else ""


def _listed(folder: Path) -> dict[str, str]:
    found = _LINE.finditer((folder / LIST).read_text("utf-8"))
    return {line["name"]: line["hash"] for line in found}


def _hashes(folder: Path) -> dict[str, str]:
    files = [*folder.glob("versions/*.py"), *folder.glob("sql/*/*.sql")]
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }
