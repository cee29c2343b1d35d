"""A migration that `make revision` has begun goes up and down beside those that have landed."""

from pathlib import Path

import pytest

from agent_workers.local.migrations import newest
from tests.support.releases import following, migrate
from tests.support.revision import text_of
from tests.support.schema import FILE, dumped


def test_the_sample_of_the_next_release_goes_up_and_down(
    empty_database_url: str, tmp_path: Path
) -> None:
    release = following(tmp_path / "next")
    moved = migrate(release, cwd=tmp_path, AGENT_DATABASE_URL=empty_database_url)
    assert moved.returncode == 0, moved.stderr
    assert "started_by text" in dumped(empty_database_url)
    taken_back = migrate(
        release, "--to", newest(), cwd=tmp_path, AGENT_DATABASE_URL=empty_database_url
    )
    assert taken_back.returncode == 0, taken_back.stderr
    assert dumped(empty_database_url) == FILE.read_text("utf-8")


def test_the_newest_text_of_a_function_is_found_with_its_comment(tmp_path: Path) -> None:
    for revision, number in (("0001", 1), ("0002", 2)):
        folder = tmp_path / revision
        folder.mkdir()
        text = f"-- As many as {number}.\ncreate function f() returns int language sql as 'select {number}';"
        (folder / "up.sql").write_text(f"select 0;\n\n{text}\n")
        (folder / "down.sql").write_text(
            "create function f() returns int language sql as 'select 0';"
        )
    assert text_of("f", tmp_path) == (
        "-- As many as 2.\ncreate or replace function f() returns int language sql as 'select 2';"
    )


def test_a_function_that_no_migration_creates_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no migration creates the function 'f'"):
        text_of("f", tmp_path)
