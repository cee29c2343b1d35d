"""A system of one folder, beside another one that runs there already."""

from pathlib import Path

import pytest

from agent_workers.embedded.errors import FolderInUse
from agent_workers.embedded.leftovers import FolderLock
from agent_workers.local.folder import DataFolder
from agent_workers.local.running import running
from agent_workers.local.system import System, Wanted
from agent_workers.settings import load_settings


def test_the_data_of_one_that_runs_is_not_deleted(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.postgres.mkdir(parents=True)
    first = FolderLock(folder.path)
    first.take()
    second = System(folder, Wanted(settings=load_settings()), lines=None, say=print)
    with pytest.raises(FolderInUse):
        second.delete_data()
    assert folder.postgres.is_dir()
    first.let_go()
    second.delete_data()
    assert not folder.postgres.exists()


def test_where_another_one_runs_nothing_is_said_to_have_stopped(tmp_path: Path) -> None:
    folder, told = DataFolder(tmp_path / "data"), list[str]()
    folder.make()
    first = FolderLock(folder.path)
    first.take()
    second = System(folder, Wanted(settings=load_settings()), lines=None, say=told.append)
    with pytest.raises(FolderInUse), running(second):
        pass
    assert told == []
    first.let_go()
