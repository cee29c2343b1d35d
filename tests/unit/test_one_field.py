"""Adding an optional field to a job touches the places that CONTRIBUTING.md lists, and no others."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.repository import ROOT

_FIELD = re.compile(r"\buser_id\b")
_MOST = 8
_CREATES = re.compile(r"create (?:unique )?(?:type|function|table|index) ([\w.]+)", re.IGNORECASE)
# Where the same word is a field of something else, and what is made from the places that are listed.
_OTHERS = re.compile(r"memor|session|/demo/")


def test_a_jobs_optional_field_stands_where_the_guide_says_and_nowhere_else() -> None:
    always, elsewhere = _listed("place"), _listed("only if")
    found = {place for place in _places() if not place.startswith(tuple(elsewhere))}
    assert found == {place for place in always if ": " in place}


def test_a_jobs_optional_field_needs_at_most_eight_places() -> None:
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    rows = guide.split("| place | what to add |\n|---|---|\n")[1].split("\n\n")[0]
    assert len(rows.splitlines()) <= _MOST


def test_every_place_that_the_guide_names_beside_them_has_the_field() -> None:
    places = set(_places())
    stale = {
        one for one in _listed("only if") if not any(place.startswith(one) for place in places)
    }
    assert not stale


def _listed(first: str) -> set[str]:
    """Return what the guide's table with this first column names in code."""
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    table = guide.split(f"| {first} | ")[1].split("\n\n")[0].split("|---|---|\n")[1]
    column = 1 if first == "place" else 2
    cells = (row.split("|")[column] for row in table.splitlines())
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def _places() -> Iterator[str]:
    """Give each file and construct that names the field; of SQL the file without its folder."""
    sources = [path for part in ("agent_workers", "api") for path in (ROOT / part).rglob("*.py")]
    for path in sources:
        place = str(path.relative_to(ROOT))
        if not _OTHERS.search(place):
            yield from (f"{place}: {name}" for name in _in_python(path))
    for path in (ROOT / "migrations").rglob("*.sql"):
        if not _OTHERS.search(path.name):
            yield from (f"{path.name}: {name}" for name in _in_sql(path))


def _in_python(path: Path) -> Iterator[str]:
    text = path.read_text()
    lines = [""] + [line.split("#")[0] for line in text.splitlines()]
    for node in ast.parse(text).body:
        if any(map(_FIELD.search, lines[node.lineno : (node.end_lineno or node.lineno) + 1])):
            yield _name_of(node)


def _name_of(node: ast.stmt) -> str:
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
        case _:
            return "a statement"


def _in_sql(path: Path) -> Iterator[str]:
    name = "a statement"
    for line in path.read_text().splitlines():
        begun = _CREATES.match(line)
        name = begun[1] if begun else name
        if _FIELD.search(line):
            yield name
