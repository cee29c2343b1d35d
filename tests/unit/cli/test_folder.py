"""What a data folder keeps, and from whom."""

from pathlib import Path

import pytest

from agent_workers.local.folder import DataFolder


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "a folder")
    made.make()
    return made


def test_a_secret_is_made_once_and_stays(folder: DataFolder):
    assert folder.secret("pepper") == folder.secret("pepper")
    assert len(folder.secret("pepper")) >= 16


def test_secrets_and_surroundings_are_for_their_owner_alone(folder: DataFolder):
    folder.secret("pepper")
    folder.tell_surroundings({"AGENT_DATABASE_URL": "postgresql://agent:secret@db/agent"})
    modes = {p.name: p.stat().st_mode & 0o077 for p in folder.path.iterdir() if p.is_file()}
    assert modes == {"pepper": 0, "running.json": 0}


def test_surroundings_are_known_until_they_are_forgotten(folder: DataFolder):
    folder.tell_surroundings({"AGENT_API_URL": "http://127.0.0.1:8000"})
    assert folder.surroundings() == {"AGENT_API_URL": "http://127.0.0.1:8000"}
    folder.forget_surroundings()
    assert folder.surroundings() == {}


def test_half_written_surroundings_are_none(folder: DataFolder):
    folder.write("running.json", '{"AGENT_API')
    assert folder.surroundings() == {}
