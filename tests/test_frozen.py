"""A migration that has landed never changes again: whoever edits or deletes one is told what to do."""

from pathlib import Path

import pytest

from tests.support.frozen import LIST, complaints, freeze

_HEAD = "# What has landed.\n# released: (none)\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Migrations of which two have landed, one after the other."""
    for revision in ("0001", "0002"):
        (tmp_path / "sql" / revision).mkdir(parents=True)
        (tmp_path / "sql" / revision / "up.sql").write_text(f"select {revision};\n")
        (tmp_path / "versions").mkdir(exist_ok=True)
        (tmp_path / "versions" / f"{revision}_add_it.py").write_text("revision = ...\n")
    (tmp_path / LIST).write_text(_HEAD)
    assert freeze(folder=tmp_path) == []
    return tmp_path


def test_no_landed_migration_was_edited_or_deleted() -> None:
    assert not complaints(), "\n".join(complaints())


def test_an_edit_of_a_landed_file_is_refused_by_its_name_with_what_to_do(folder: Path) -> None:
    (folder / "sql/0001/up.sql").write_text("select 2;\n")
    (told,) = freeze(folder=folder)
    assert told == (
        "migrations/sql/0001/up.sql has landed and was changed: put it back, and write a new"
        ' migration: make revision m="…"'
    )


@pytest.mark.parametrize("name", ["sql/0002/up.sql", "versions/0001_add_it.py"])
def test_a_landed_file_cannot_be_deleted(folder: Path, name: str) -> None:
    (folder / name).unlink()
    (told,) = freeze(folder=folder)
    assert told.startswith(f"migrations/{name} has gone: put it back")


def test_a_new_file_is_missed_until_it_is_in_the_list(folder: Path) -> None:
    (folder / "sql/0002/down.sql").write_text("select 2;\n")
    (told,) = complaints(folder)
    assert told == f"migrations/sql/0002/down.sql is not in migrations/{LIST}: run `make schema`"
    assert freeze(folder=folder) == complaints(folder) == []


def test_a_revision_that_no_release_has_can_be_frozen_again(folder: Path) -> None:
    for path in folder.glob("sql/*/up.sql"):
        path.write_text("select 3;\n")
    (folder / "versions/0002_add_it.py").unlink()
    (told,) = freeze("0002", folder)
    assert "sql/0001/up.sql" in told


def test_a_revision_that_was_released_cannot_be_frozen_again(folder: Path) -> None:
    listed = folder / LIST
    listed.write_text(listed.read_text().replace("(none)", "v0.1.0 with 0001"))
    (folder / "sql/0001/up.sql").write_text("select 3;\n")
    (told,) = freeze("0001", folder)
    assert told.startswith("revision 0001 was released, so it cannot change: put it back")
    assert freeze("0002", folder) == complaints(folder) != []
